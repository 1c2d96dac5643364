// SPDX-License-Identifier: Apache-2.0
// Limits on cgroup v1: one controller, one folder.
import Linux
import OCI

extension CgroupLimits {
    func applyLegacy(_ resources: RuntimeSpec.Resources, isNew: Bool) throws {
        if !resources.unified.isEmpty {
            throw RuntimeError(.invalid, "resources.unified needs cgroup v2, this host has cgroup v1")
        }
        if isNew || !resources.devices.isEmpty { try applyDevices(resources) }
        if let memory = resources.memory { try applyMemory(memory) }
        if let cpu = resources.cpu { try applyCPU(cpu) }
        if let limit = resources.pids?.limit {
            // None at all would not even let the first process in.
            try write(limit < 0 ? "max" : String(max(1, limit)), "pids.max", controller: "pids")
        }
        if let block = resources.blockIO { try applyBlockIO(block) }
        for page in resources.hugepageLimits {
            try write(String(page.limit), "hugetlb.\(page.pageSize).limit_in_bytes", controller: "hugetlb")
        }
    }

    private func applyDevices(_ resources: RuntimeSpec.Resources) throws {
        guard group.folder("devices") != nil else { return }
        for rule in resources.deviceRules {
            let type = rule.type ?? "a"
            let number = { (value: Int64?) in value.flatMap { $0 < 0 ? nil : String($0) } ?? "*" }
            let access = (rule.access ?? "rwm").filter { "rwm".contains($0) }
            let line = type == "a" ? "a" : "\(type) \(number(rule.major)):\(number(rule.minor)) \(access)"
            try write(line, rule.allow ? "devices.allow" : "devices.deny", controller: "devices")
        }
    }

    /// Memory may never exceed memory plus swap, not even between two writes.
    private func applyMemory(_ memory: RuntimeSpec.Memory) throws {
        let limit = memory.limit.flatMap { $0 == 0 ? nil : $0 }
        let swap = memory.swap.flatMap { $0 == 0 ? nil : $0 }
        let hasSwap = group.folder("memory").map { TextFile.exists("\($0)/memory.memsw.limit_in_bytes") } ?? false
        if swap != nil, !hasSwap, swap != -1, swap != limit {
            throw RuntimeError(.invalid, "this kernel does not account swap: memory.swap cannot be limited")
        }
        let writeLimit = { if let limit { try write(String(limit), "memory.limit_in_bytes", controller: "memory") } }
        let writeSwap = {
            if let swap, hasSwap { try write(String(swap), "memory.memsw.limit_in_bytes", controller: "memory") }
        }
        if let limit, let swap, swap == -1 || swap > limit, let folder = group.folder("memory"), hasSwap,
            let current = UInt64(try TextFile.text("\(folder)/memory.memsw.limit_in_bytes").filter(\.isNumber)),
            limit == -1 || UInt64(limit) > current
        {
            try writeSwap()
            try writeLimit()
        } else {
            if limit == -1 && swap == nil && hasSwap {
                try write("-1", "memory.memsw.limit_in_bytes", controller: "memory")
            }
            try writeLimit()
            try writeSwap()
        }
        if let soft = memory.reservation, soft != 0 {
            try write(String(soft), "memory.soft_limit_in_bytes", controller: "memory")
        }
        if let tcp = memory.kernelTCP, tcp != 0 {
            try write(String(tcp), "memory.kmem.tcp.limit_in_bytes", controller: "memory")
        }
        if memory.disableOOMKiller == true { try write("1", "memory.oom_control", controller: "memory") }
        if let swappiness = memory.swappiness, swappiness <= 100 {
            try write(String(swappiness), "memory.swappiness", controller: "memory")
        }
    }

    private func applyCPU(_ cpu: RuntimeSpec.CPU) throws {
        if let shares = cpu.shares, shares != 0 { try write(String(shares), "cpu.shares", controller: "cpu") }
        try writePair(
            cpu.period.map { String($0) }, "cpu.cfs_period_us", cpu.quota.map { String($0) }, "cpu.cfs_quota_us")
        if let burst = cpu.burst { try write(String(burst), "cpu.cfs_burst_us", controller: "cpu") }
        try writePair(
            cpu.realtimePeriod.map { String($0) }, "cpu.rt_period_us", cpu.realtimeRuntime.map { String($0) },
            "cpu.rt_runtime_us")
        if let idle = cpu.idle { try write(String(idle), "cpu.idle", controller: "cpu") }
        if let cpus = cpu.cpus { try write(cpus, "cpuset.cpus", controller: "cpuset") }
        if let mems = cpu.mems { try write(mems, "cpuset.mems", controller: "cpuset") }
    }

    /// A period and the time within it: the kernel refuses a share larger than the parent's, which the wrong order of two right
    /// values may be for a moment.
    private func writePair(_ period: String?, _ periodFile: String, _ time: String?, _ timeFile: String) throws {
        let period = period == "0" ? nil : period
        let time = time == "0" ? nil : time
        let writePeriod = { if let period { try write(period, periodFile, controller: "cpu") } }
        let writeTime = { if let time { try write(time, timeFile, controller: "cpu") } }
        do { try writePeriod() } catch {
            guard time != nil else { throw error }
            try writeTime()
            return try writePeriod()
        }
        try writeTime()
    }

    private func applyBlockIO(_ block: RuntimeSpec.BlockIO) throws {
        if let weight = block.weight, weight != 0 {
            try write(String(weight), weightFile("blkio.weight", "blkio.bfq.weight"), controller: "blkio")
        }
        if let weight = block.leafWeight, weight != 0 {
            try write(String(weight), "blkio.leaf_weight", controller: "blkio")
        }
        for device in block.weightDevice {
            guard let weight = device.weight else { continue }
            let file = weightFile("blkio.weight_device", "blkio.bfq.weight_device")
            try write("\(device.major):\(device.minor) \(weight)", file, controller: "blkio")
        }
        let throttles = [
            (block.throttleReadBpsDevice, "read_bps"), (block.throttleWriteBpsDevice, "write_bps"),
            (block.throttleReadIOPSDevice, "read_iops"), (block.throttleWriteIOPSDevice, "write_iops"),
        ]
        for (devices, name) in throttles {
            for device in devices {
                try write(
                    "\(device.major):\(device.minor) \(device.rate)", "blkio.throttle.\(name)_device",
                    controller: "blkio")
            }
        }
    }

    /// The weight files belong to the I/O scheduler.
    private func weightFile(_ plain: String, _ bfq: String) -> String {
        guard let folder = group.folder("blkio"), !TextFile.exists("\(folder)/\(plain)"),
            TextFile.exists("\(folder)/\(bfq)")
        else { return plain }
        return bfq
    }
}
