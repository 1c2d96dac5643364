// SPDX-License-Identifier: Apache-2.0
// Limits as the runtime wants them, for a new container and for an update of a running one.
import CLinux
import Glibc
import Linux
package import OCI
import Primitives

extension OCISpecBuilder {
    /// Without the device rules, which belong to the start alone.
    package static func resources(_ wanted: TaskResources, host: HostFacts) throws -> RuntimeSpec.Resources {
        var out = RuntimeSpec.Resources()
        out.memory = memory(wanted, host)
        out.cpu = try cpu(wanted)
        if let limit = wanted.pidsLimit { out.pids = RuntimeSpec.Pids(limit: limit > 0 ? limit : -1) }
        out.blockIO = try blockIO(wanted)
        return out
    }

    private static func memory(_ wanted: TaskResources, _ host: HostFacts) -> RuntimeSpec.Memory? {
        var memory = RuntimeSpec.Memory()
        if wanted.memory > 0 { memory.limit = wanted.memory }
        if wanted.memoryReservation > 0 { memory.reservation = wanted.memoryReservation }
        if host.limits.swap {
            if wanted.memorySwap != 0 {
                memory.swap = wanted.memorySwap
            } else if wanted.memory > 0 {
                // As much swap as memory, Docker's default.
                memory.swap = wanted.memory.multipliedReportingOverflow(by: 2).overflow ? -1 : wanted.memory * 2
            }
        }
        if let swappiness = wanted.memorySwappiness, swappiness >= 0, !host.usesCgroupV2 {
            memory.swappiness = UInt64(swappiness)
        }
        if wanted.oomKillDisable, !host.usesCgroupV2 { memory.disableOOMKiller = true }
        return memory == RuntimeSpec.Memory() ? nil : memory
    }

    private static func cpu(_ wanted: TaskResources) throws(EngineError) -> RuntimeSpec.CPU? {
        var cpu = RuntimeSpec.CPU()
        if wanted.cpuShares < 0 {
            throw .invalidArgument("invalid CPU shares (\(wanted.cpuShares)): value must be a positive integer")
        }
        if wanted.cpuShares > 0 { cpu.shares = UInt64(wanted.cpuShares) }
        if wanted.nanoCPUs > 0 {
            cpu.period = 100_000
            cpu.quota = Int64((Double(wanted.nanoCPUs) * 100_000 / 1e9).rounded(.towardZero))
        }
        if wanted.cpuPeriod != 0 { cpu.period = UInt64(clamping: wanted.cpuPeriod) }
        if wanted.cpuQuota != 0 { cpu.quota = wanted.cpuQuota }
        if wanted.cpuRealtimePeriod != 0 { cpu.realtimePeriod = UInt64(clamping: wanted.cpuRealtimePeriod) }
        if wanted.cpuRealtimeRuntime != 0 { cpu.realtimeRuntime = wanted.cpuRealtimeRuntime }
        if !wanted.cpusetCPUs.isEmpty { cpu.cpus = wanted.cpusetCPUs }
        if !wanted.cpusetMems.isEmpty { cpu.mems = wanted.cpusetMems }
        return cpu == RuntimeSpec.CPU() ? nil : cpu
    }

    private static func blockIO(_ wanted: TaskResources) throws(EngineError) -> RuntimeSpec.BlockIO? {
        var blockIO = RuntimeSpec.BlockIO()
        if wanted.blkioWeight != 0 { blockIO.weight = UInt16(clamping: wanted.blkioWeight) }
        for device in wanted.blkioWeightDevices {
            let (major, minor) = try device.path.deviceNumbers
            blockIO.weightDevice.append(
                RuntimeSpec.WeightDevice(major: major, minor: minor, weight: UInt16(clamping: device.weight)))
        }
        blockIO.throttleReadBpsDevice = try throttles(wanted.readBps)
        blockIO.throttleWriteBpsDevice = try throttles(wanted.writeBps)
        blockIO.throttleReadIOPSDevice = try throttles(wanted.readIOps)
        blockIO.throttleWriteIOPSDevice = try throttles(wanted.writeIOps)
        return blockIO == RuntimeSpec.BlockIO() ? nil : blockIO
    }

    private static func throttles(_ rates: [TaskResources.DeviceRate]) throws(EngineError) -> [RuntimeSpec
        .ThrottleDevice]
    {
        var out: [RuntimeSpec.ThrottleDevice] = []
        for rate in rates {
            let (major, minor) = try rate.path.deviceNumbers
            out.append(RuntimeSpec.ThrottleDevice(major: major, minor: minor, rate: UInt64(clamping: rate.rate)))
        }
        return out
    }
}

extension String {
    /// Of the device node at this path.
    fileprivate var deviceNumbers: (major: Int64, minor: Int64) {
        get throws(EngineError) {
            var status = stat()
            guard stat(self, &status) == 0 else {
                throw .invalidArgument("no such device: \(self): \(Errno.message(errno))")
            }
            return OCISpecBuilder.numbers(status.st_rdev)
        }
    }
}
