// SPDX-License-Identifier: Apache-2.0
// The readings of one container's cgroup, for `stats` and `top`.
import AsyncSystem
import Glibc
import Linux
import Primitives

/// A container's cgroup by its path (`OCISpecBuilder.cgroupsPath`). Reading needs no shim.
package struct TaskCgroup: Sendable {
    private let group: ControlGroup
    private let layout: CgroupLayout

    package init(path: String) throws {
        layout = try CgroupLayout.detect()
        group = ControlGroup(layout: layout, path: path)
    }

    /// The container's processes by the host's numbers, ascending; of cgroups below, too.
    package func processes() async throws -> [Int32] {
        try await Blocking.run { group.processes().sorted() }
    }

    package func statistics() async throws -> TaskStatistics {
        try await Blocking.run { readStatistics() }
    }

    /// Synchronous: a handful of small files.
    package func readStatistics() -> TaskStatistics {
        var out = TaskStatistics(readAt: .now())
        out.usesCgroupV2 = layout.isUnified
        if layout.isUnified, let folder = group.folder("") {
            UnifiedReadings(folder: folder).fill(&out)
        } else {
            LegacyReadings(group: group).fill(&out)
        }
        let machine = MachineReadings.read()
        out.cpu.systemUsage = machine.cpuUsage
        out.cpu.onlineCPUs = machine.cpus
        if out.memory.limit == 0 || out.memory.limit > machine.memory { out.memory.limit = machine.memory }
        return out
    }
}

/// `key value` lines, in order.
func keyedNumbers(_ path: String) -> [(key: String, value: UInt64)] {
    (ProcFile.text(path) ?? "").split(separator: "\n").compactMap { line in
        let parts = line.split(separator: " ")
        guard parts.count == 2, let value = UInt64(parts[1]) else { return nil }
        return (String(parts[0]), value)
    }
}

/// The whole machine.
private enum MachineReadings {
    static func read() -> (cpuUsage: UInt64, cpus: Int, memory: UInt64) {
        let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        var usage: UInt64 = 0
        if let line = (ProcFile.text("/proc/stat") ?? "").split(separator: "\n").first {
            // user nice system idle iowait irq softirq: guest time is in user already.
            let numbers = line.split(separator: " ").dropFirst().prefix(7).compactMap { UInt64($0) }
            usage = numbers.reduce(0, &+) &* (1_000_000_000 / ticks)
        }
        let pages = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES))))
        return (
            usage, max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            pages * UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        )
    }
}

/// cgroup v2: one folder, microseconds.
private struct UnifiedReadings {
    let folder: String

    func fill(_ out: inout TaskStatistics) {
        for (key, value) in keyedNumbers(folder + "/cpu.stat") {
            switch key {
            case "usage_usec": out.cpu.totalUsage = value &* 1000
            case "user_usec": out.cpu.userUsage = value &* 1000
            case "system_usec": out.cpu.kernelUsage = value &* 1000
            case "nr_periods": out.cpu.periods = value
            case "nr_throttled": out.cpu.throttledPeriods = value
            case "throttled_usec": out.cpu.throttledTime = value &* 1000
            default: break
            }
        }
        out.memory.usage = ProcFile.number(folder + "/memory.current") ?? 0
        out.memory.limit = ProcFile.number(folder + "/memory.max") ?? 0
        out.memory.details = keyedNumbers(folder + "/memory.stat")
        out.memory.failures = keyedNumbers(folder + "/memory.events").first { $0.key == "oom" }?.value
        out.pids = ProcFile.number(folder + "/pids.current") ?? 0
        out.pidsLimit = ProcFile.number(folder + "/pids.max")
        for line in (ProcFile.text(folder + "/io.stat") ?? "").split(separator: "\n") {
            let parts = line.split(separator: " ")
            let device = (parts.first ?? "").split(separator: ":").compactMap { UInt64($0) }
            guard device.count == 2 else { continue }
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=")
                guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
                func entry(_ operation: String) -> TaskStatistics.BlockIO {
                    .init(major: device[0], minor: device[1], operation: operation, value: value)
                }
                switch pair[0] {
                case "rbytes": out.bytesServiced.append(entry("read"))
                case "wbytes": out.bytesServiced.append(entry("write"))
                case "rios": out.operationsServiced.append(entry("read"))
                case "wios": out.operationsServiced.append(entry("write"))
                default: break
                }
            }
        }
    }
}

/// cgroup v1: a folder per controller, nanoseconds and clock ticks.
private struct LegacyReadings {
    let group: ControlGroup

    func fill(_ out: inout TaskStatistics) {
        if let folder = group.folder("cpuacct") {
            out.cpu.totalUsage = ProcFile.number(folder + "/cpuacct.usage") ?? 0
            out.cpu.perCPUUsage = (ProcFile.text(folder + "/cpuacct.usage_percpu") ?? "")
                .split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
            let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
            for (key, value) in keyedNumbers(folder + "/cpuacct.stat") {
                if key == "user" { out.cpu.userUsage = value &* (1_000_000_000 / ticks) }
                if key == "system" { out.cpu.kernelUsage = value &* (1_000_000_000 / ticks) }
            }
        }
        if let folder = group.folder("cpu") {
            for (key, value) in keyedNumbers(folder + "/cpu.stat") {
                switch key {
                case "nr_periods": out.cpu.periods = value
                case "nr_throttled": out.cpu.throttledPeriods = value
                case "throttled_time": out.cpu.throttledTime = value
                default: break
                }
            }
        }
        if let folder = group.folder("memory") {
            out.memory.usage = ProcFile.number(folder + "/memory.usage_in_bytes") ?? 0
            out.memory.maximumUsage = ProcFile.number(folder + "/memory.max_usage_in_bytes")
            out.memory.failures = ProcFile.number(folder + "/memory.failcnt")
            out.memory.limit = ProcFile.number(folder + "/memory.limit_in_bytes") ?? 0
            out.memory.details = keyedNumbers(folder + "/memory.stat")
        }
        if let folder = group.folder("pids") {
            out.pids = ProcFile.number(folder + "/pids.current") ?? 0
            out.pidsLimit = ProcFile.number(folder + "/pids.max")
        }
        if let folder = group.folder("blkio") {
            out.bytesServiced = blockIO(folder + "/blkio.throttle.io_service_bytes_recursive")
            out.operationsServiced = blockIO(folder + "/blkio.throttle.io_serviced_recursive")
        }
    }

    /// `8:0 Read 4096`; the last line is a total over all devices.
    private func blockIO(_ path: String) -> [TaskStatistics.BlockIO] {
        (ProcFile.text(path) ?? "").split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 3, let value = UInt64(parts[2]) else { return nil }
            let device = parts[0].split(separator: ":").compactMap { UInt64($0) }
            guard device.count == 2 else { return nil }
            return .init(major: device[0], minor: device[1], operation: parts[1].lowercased(), value: value)
        }
    }
}
