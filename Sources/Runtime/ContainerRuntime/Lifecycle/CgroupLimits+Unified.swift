// SPDX-License-Identifier: Apache-2.0
// Limits on cgroup v2: one folder; v1 figures are converted as runc converts them.
import CLinux
import Glibc
import Linux
import OCI

extension CgroupLimits {
    func applyUnified(_ resources: RuntimeSpec.Resources, isNew: Bool) throws {
        if isNew || !resources.devices.isEmpty { try attachDeviceProgram(resources) }
        if let memory = resources.memory { try applyMemoryUnified(memory) }
        if let cpu = resources.cpu { try applyCPUUnified(cpu) }
        if let limit = resources.pids?.limit {
            // None at all would not even let the first process in.
            try write(limit < 0 ? "max" : String(max(1, limit)), "pids.max", controller: "pids")
        }
        if let block = resources.blockIO { try applyBlockUnified(block) }
        for page in resources.hugepageLimits {
            try write(String(page.limit), "hugetlb.\(page.pageSize).max", controller: "hugetlb")
        }
        for (file, value) in resources.unified.pairs {
            guard !file.contains("/"), file.contains(".") else {
                throw RuntimeError(.invalid, "unified resource \"\(file)\" must be a file name without slashes")
            }
            try write(value, file, controller: "unified")
        }
    }

    private func attachDeviceProgram(_ resources: RuntimeSpec.Resources) throws {
        // The kernel takes such programs from the machine's root alone; in a user namespace no device can be made.
        guard UserNamespace.isInitial, let folder = group.folder("devices") else { return }
        let code = DeviceProgram.compile(resources.deviceRules)
        let cgroup = try OwnedFD.open(folder, O_RDONLY | O_DIRECTORY)
        let raw = cgroup.raw
        try doing("device filter") {
            try check("bpf") {
                code.withUnsafeBytes { apus_attach_device_program(raw, $0.baseAddress, UInt32($0.count / 8)) }
            }
        }
    }

    private func applyMemoryUnified(_ memory: RuntimeSpec.Memory) throws {
        let text = { (value: Int64) in value < 0 ? "max" : String(value) }
        if let swap = memory.swap, swap != 0 {
            // v1 counts memory and swap together, v2 swap alone.
            let alone: Int64
            if swap < 0 {
                alone = -1
            } else if let limit = memory.limit, limit > 0 {
                alone = swap - limit
            } else {
                throw RuntimeError(.invalid, "unable to set swap limit without memory limit")
            }
            guard alone >= -1 else { throw RuntimeError(.invalid, "memory+swap limit should be >= memory limit") }
            let hasSwap = group.folder("memory").map { TextFile.exists("\($0)/memory.swap.max") } ?? false
            if hasSwap { try write(text(alone), "memory.swap.max", controller: "memory") }
        }
        if let limit = memory.limit, limit != 0 { try write(text(limit), "memory.max", controller: "memory") }
        if let soft = memory.reservation, soft != 0 { try write(text(soft), "memory.low", controller: "memory") }
    }

    private func applyCPUUnified(_ cpu: RuntimeSpec.CPU) throws {
        if let shares = cpu.shares, shares != 0 {
            let weight = shares <= 2 ? 1 : shares >= 262_144 ? 10_000 : 1 + ((shares - 2) * 9999) / 262_142
            try write(String(weight), "cpu.weight", controller: "cpu")
        }
        if cpu.quota.map({ $0 != 0 }) == true || cpu.period.map({ $0 != 0 }) == true {
            let quota = cpu.quota.flatMap { $0 > 0 ? String($0) : nil } ?? "max"
            try write("\(quota) \(cpu.period.flatMap { $0 == 0 ? nil : $0 } ?? 100_000)", "cpu.max", controller: "cpu")
        }
        if let burst = cpu.burst { try write(String(burst), "cpu.max.burst", controller: "cpu") }
        if let idle = cpu.idle { try write(String(idle), "cpu.idle", controller: "cpu") }
        if let cpus = cpu.cpus { try write(cpus, "cpuset.cpus", controller: "cpuset") }
        if let mems = cpu.mems { try write(mems, "cpuset.mems", controller: "cpuset") }
        guard cpu.realtimePeriod ?? 0 == 0, cpu.realtimeRuntime ?? 0 == 0 else {
            throw RuntimeError(.invalid, "realtime CPU limits do not exist on cgroup v2")
        }
    }

    private func applyBlockUnified(_ block: RuntimeSpec.BlockIO) throws {
        let bfq = group.folder("io").map { TextFile.exists("\($0)/io.bfq.weight") } ?? false
        let converted = { (weight: UInt16) in bfq ? UInt64(weight) : 1 + (UInt64(weight) - 10) * 9999 / 990 }
        let file = bfq ? "io.bfq.weight" : "io.weight"
        if let weight = block.weight, weight >= 10 { try write(String(converted(weight)), file, controller: "io") }
        for device in block.weightDevice {
            guard let weight = device.weight, weight >= 10 else { continue }
            try write("\(device.major):\(device.minor) \(converted(weight))", file, controller: "io")
        }
        let throttles = [
            (block.throttleReadBpsDevice, "rbps"), (block.throttleWriteBpsDevice, "wbps"),
            (block.throttleReadIOPSDevice, "riops"), (block.throttleWriteIOPSDevice, "wiops"),
        ]
        for (devices, name) in throttles {
            for device in devices {
                try write("\(device.major):\(device.minor) \(name)=\(device.rate)", "io.max", controller: "io")
            }
        }
    }
}
