// SPDX-License-Identifier: Apache-2.0
// Docker's rules for limits that meet limits already set.
import DockerAPI
import Primitives

/// Pure: a table can test it.
enum ResourceUpdate {
    /// Puts what `wanted` sets over `host`'s limits. Two ways to say the same may not meet.
    static func merge(_ wanted: HostConfig, into host: inout HostConfig) throws(EngineError) {
        try mergeCPU(wanted, &host)
        try mergeMemory(wanted, &host)
        if wanted.blkioWeight != 0 { host.blkioWeight = wanted.blkioWeight }
        for path in [
            \HostConfig.blkioDeviceReadBps, \.blkioDeviceWriteBps, \.blkioDeviceReadIOps, \.blkioDeviceWriteIOps,
        ] where wanted[keyPath: path]?.isEmpty == false {
            host[keyPath: path] = wanted[keyPath: path]
        }
        if let weights = wanted.blkioWeightDevice, !weights.isEmpty { host.blkioWeightDevice = weights }
        if let limit = wanted.pidsLimit { host.pidsLimit = limit > 0 ? limit : nil }
    }

    private static func mergeCPU(_ wanted: HostConfig, _ host: inout HostConfig) throws(EngineError) {
        if wanted.nanoCpus != 0 {
            if host.cpuPeriod > 0 { throw conflict("NanoCPUs", "CPU Period") }
            if host.cpuQuota > 0 { throw conflict("NanoCPUs", "CPU Quota") }
            host.nanoCpus = wanted.nanoCpus
        }
        if wanted.cpuPeriod != 0 {
            if host.nanoCpus > 0 { throw conflict("CPU Period", "NanoCPUs") }
            host.cpuPeriod = wanted.cpuPeriod
        }
        if wanted.cpuQuota != 0 {
            if host.nanoCpus > 0 { throw conflict("CPU Quota", "NanoCPUs") }
            host.cpuQuota = wanted.cpuQuota
        }
        if wanted.cpuShares != 0 { host.cpuShares = wanted.cpuShares }
        if !wanted.cpusetCpus.isEmpty { host.cpusetCpus = wanted.cpusetCpus }
        if !wanted.cpusetMems.isEmpty { host.cpusetMems = wanted.cpusetMems }
        if wanted.cpuRealtimePeriod != 0 { host.cpuRealtimePeriod = wanted.cpuRealtimePeriod }
        if wanted.cpuRealtimeRuntime != 0 { host.cpuRealtimeRuntime = wanted.cpuRealtimeRuntime }
    }

    private static func conflict(_ new: String, _ old: String) -> EngineError {
        .conflict("Conflicting options: \(new) cannot be updated as \(old) has already been set")
    }

    private static func mergeMemory(_ wanted: HostConfig, _ host: inout HostConfig) throws(EngineError) {
        if wanted.memory != 0 {
            if wanted.memorySwap == 0, host.memorySwap > 0, wanted.memory > host.memorySwap {
                throw .conflict(
                    "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the "
                        + "same time")
            }
            host.memory = wanted.memory
        }
        if wanted.memorySwap != 0 { host.memorySwap = wanted.memorySwap }
        if wanted.memoryReservation != 0 { host.memoryReservation = wanted.memoryReservation }
    }
}
