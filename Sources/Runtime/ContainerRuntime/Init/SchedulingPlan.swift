// SPDX-License-Identifier: Apache-2.0
// How the kernel schedules a process: sched_setattr(2), ioprio_set(2), CPU sets, memory policy.
import CLinux
import Glibc
import JSON
import Linux
import OCI

/// `scheduler` and `ioPriority` of a process, checked before anything is made.
struct SchedulingPlan {
    private let process: RuntimeSpec.Process
    private static let policies: [String: UInt32] = [
        "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
        "SCHED_DEADLINE": 6,
    ]
    private static let flags: [String: UInt64] = [
        "SCHED_FLAG_RESET_ON_FORK": 1, "SCHED_FLAG_RECLAIM": 2, "SCHED_FLAG_DL_OVERRUN": 4,
        "SCHED_FLAG_KEEP_POLICY": 8, "SCHED_FLAG_KEEP_PARAMS": 16, "SCHED_FLAG_UTIL_CLAMP_MIN": 32,
        "SCHED_FLAG_UTIL_CLAMP_MAX": 64,
    ]
    private static let classes = ["IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]

    init(_ process: RuntimeSpec.Process) throws {
        self.process = process
        if let priority = process.ioPriority {
            guard (0...7).contains(priority.priority) else {
                throw RuntimeError(.invalid, "invalid ioPriority.Priority: \(priority.priority)")
            }
            guard let index = Self.classes.firstIndex(of: priority.class), index > 0 else {
                throw RuntimeError(.invalid, "invalid ioPriority.Class: \"\(priority.class)\"")
            }
        }
        _ = try CPUSet(process.execCPUAffinity?["initial"]?.string ?? "")
        _ = try CPUSet(process.execCPUAffinity?["final"]?.string ?? "")
        guard let scheduler = process.scheduler else { return }
        guard let policy = scheduler["policy"]?.string, !policy.isEmpty else {
            throw RuntimeError(.invalid, "scheduler policy is required")
        }
        guard Self.policies[policy] != nil else { throw RuntimeError(.invalid, "invalid scheduler policy: \(policy)") }
        let nice = scheduler["nice"]?.int ?? 0
        if ["SCHED_OTHER", "SCHED_BATCH"].contains(policy), !(-20...19).contains(nice) {
            throw RuntimeError(.invalid, "invalid scheduler.nice: \(nice) when scheduler.policy is \(policy)")
        }
        if scheduler["priority"]?.int ?? 0 != 0, !["SCHED_FIFO", "SCHED_RR"].contains(policy) {
            throw RuntimeError(
                .invalid, "scheduler.priority can only be specified for SchedFIFO or SchedRR policy")
        }
        let hasTimes = ["runtime", "deadline", "period"].contains { scheduler[$0]?.int ?? 0 != 0 }
        if hasTimes, policy != "SCHED_DEADLINE" {
            throw RuntimeError(
                .invalid, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy")
        }
        for flag in scheduler["flags"]?.strings ?? [] where Self.flags[flag] == nil {
            throw RuntimeError(.invalid, "invalid scheduler flag: \(flag)")
        }
    }

    /// For the calling process.
    func apply(hasCPUSet: Bool = false) throws {
        if let priority = process.ioPriority, let number = Self.classes.firstIndex(of: priority.class) {
            try check("ioprio_set") { apus_ioprio_set(Int32(number << 13 | priority.priority)) }
        }
        guard let scheduler = process.scheduler, let policy = Self.policies[scheduler["policy"]?.string ?? ""] else {
            return
        }
        let flags = (scheduler["flags"]?.strings ?? []).reduce(UInt64(0)) { $0 | (Self.flags[$1] ?? 0) }
        let number = { (key: String) in UInt64(clamping: scheduler[key]?.int ?? 0) }
        do throws(Errno) {
            try check("sched_setattr") {
                apus_sched_setattr(
                    policy, flags, Int32(clamping: scheduler["nice"]?.int ?? 0), UInt32(clamping: number("priority")),
                    number("runtime"), number("deadline"), number("period"))
            }
        } catch {
            let about = "error setting scheduler"
            guard error.code == EPERM, hasCPUSet else { throw RuntimeError(error, doing: about) }
            throw RuntimeError(.invalid, "\(about): process scheduler can't be used together with AllowedCPUs")
        }
    }
}

/// A set of CPUs or memory nodes, written `0-3,7`.
struct CPUSet: Equatable {
    private(set) var mask: [UInt8] = []
    var isEmpty: Bool { mask.isEmpty }
    var count: Int { mask.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// All there could ever be: the kernel keeps those that exist and are allowed.
    static let every = CPUSet(mask: [UInt8](repeating: 0xff, count: 1024))

    private init(mask: [UInt8]) { self.mask = mask }

    init(_ text: String) throws {
        let wrong = RuntimeError(.invalid, "invalid CPU set \"\(text)\"")
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                Int($0.filter { $0 != " " })
            }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first >= 0,
                first <= last, last < 8192
            else { throw wrong }
            for number in first...last { insert(number) }
        }
        if mask.isEmpty && !text.isEmpty { throw wrong }
    }

    private mutating func insert(_ number: Int) {
        while mask.count <= number / 8 { mask.append(0) }
        mask[number / 8] |= 1 << UInt8(number % 8)
    }

    /// Makes the CPUs those of a process.
    func apply(to pid: Int32) throws {
        // The kernel reads whole words.
        let padded = mask + [UInt8](repeating: 0, count: (8 - mask.count % 8) % 8)
        try check("sched_setaffinity") { apus_sched_setaffinity(pid, padded, padded.count) }
    }

    /// 64-bit words for set_mempolicy(2).
    var words: [UInt64] {
        var words = [UInt64](repeating: 0, count: (mask.count + 7) / 8)
        for (index, byte) in mask.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8)) }
        return words
    }
}

/// `linux.memoryPolicy`: which memory nodes a container's pages come from.
struct MemoryPolicy {
    private let mode: Int32
    private let nodes: CPUSet
    static let modes = [
        "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
        "MPOL_WEIGHTED_INTERLEAVE",
    ]
    static let flags: [(name: String, bit: Int32)] = [
        ("MPOL_F_NUMA_BALANCING", 1 << 13), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_STATIC_NODES", 1 << 15),
    ]

    init(_ json: JSONValue) throws {
        let name = json["mode"]?.string ?? ""
        guard let index = Self.modes.firstIndex(of: name) else {
            throw RuntimeError(.invalid, "invalid memory policy mode \"\(name)\"")
        }
        var mode = Int32(index)
        for flag in json["flags"]?.strings ?? [] {
            guard let (_, bit) = Self.flags.first(where: { $0.name == flag }) else {
                throw RuntimeError(.invalid, "invalid memory policy flag \"\(flag)\"")
            }
            mode |= bit
        }
        let text = json["nodes"]?.string ?? ""
        do { nodes = try CPUSet(text) } catch {
            throw RuntimeError(.invalid, "invalid memory policy nodes \"\(text)\"")
        }
        self.mode = mode
        switch name {
        case "MPOL_DEFAULT", "MPOL_LOCAL":
            guard nodes.isEmpty else {
                throw RuntimeError(
                    .invalid, "invalid memory policy: \(name) mode requires 0 nodes but got \(nodes.count)")
            }
        case "MPOL_PREFERRED": break
        default:
            guard !nodes.isEmpty else {
                throw RuntimeError(
                    .invalid, "invalid memory policy: \(name) mode requires at least one node but got 0")
            }
        }
    }

    func apply() throws {
        let words = nodes.words
        let code = mode
        try doing("failed to set memory policy") {
            try check("set_mempolicy") {
                words.isEmpty
                    ? apus_set_mempolicy(code, nil, 0) : apus_set_mempolicy(code, words, UInt(words.count * 64))
            }
        }
    }
}
