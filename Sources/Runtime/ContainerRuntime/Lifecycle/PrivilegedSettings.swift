// SPDX-License-Identifier: Apache-2.0
// What a process in a user namespace cannot do for itself: the runtime does it from outside.
import CLinux
import Glibc
import Linux
import OCI

/// Scores and limits may be raised only with privileges on the host, and streams given away only by their owner.
struct PrivilegedSettings {
    private var score: Int?
    private var limits: [RuntimeSpec.Rlimit] = []

    /// Nothing to do: the process does all of it itself.
    init() {}

    /// Takes out of the plan what the host's root does for the container.
    init(_ plan: inout ContainerPlan, streams: StandardStreams) {
        guard plan.linux.namespace(.user) != nil else { return }
        score = plan.process.oomScoreAdj
        limits = plan.process.rlimits
        plan.process.oomScoreAdj = nil
        plan.process.rlimits = []
        guard case .descriptors(let input, let output, let error) = streams,
            let owner = Self.hostID(of: plan.process.user.uid, plan.linux.uidMappings)
        else { return }
        for fd in [input, output, error] {
            var status = stat()
            guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { continue }
            _ = fchown(fd, owner, gid_t.max)  // a stream that stays root's is usable all the same
        }
    }

    func applyScore(to pid: Int32) throws {
        guard let score else { return }
        try doing("oom_score_adj") { try TextFile.write(String(score), to: "/proc/\(pid)/oom_score_adj") }
    }

    /// Limits are the program's, not those of its making, which may hold more files open: when the process is ready.
    func applyLimits(to pid: Int32) throws {
        for limit in limits {
            guard let number = ProcessSetup.limits.firstIndex(of: limit.type) else {
                throw RuntimeError(.invalid, "invalid rlimit type: \(limit.type)")
            }
            try doing("setting rlimit \(limit.type)") {
                try check("prlimit") { apus_set_limit_of(pid, Int32(number), limit.soft, limit.hard) }
            }
        }
    }

    private static func hostID(of id: UInt32, _ mappings: [RuntimeSpec.IDMapping]) -> UInt32? {
        for mapping in mappings where id >= mapping.containerID && id - mapping.containerID < mapping.size {
            return mapping.hostID + (id - mapping.containerID)
        }
        return nil
    }
}
