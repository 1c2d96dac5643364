// SPDX-License-Identifier: Apache-2.0
// What a daemon without privileges leaves out of a container, because the kernel would refuse it.
import Glibc
import Linux
import OCI

extension OCISpecBuilder {
    func fitRootless(_ spec: inout RuntimeSpec) {
        if !host.hasControlGroups {
            spec.linux?.cgroupsPath = nil
            spec.linux?.resources = nil
            // Version 1 has no tree of the container's own to show.
            if !host.usesCgroupV2 { spec.mounts.removeAll { $0.type == "cgroup" } }
        }
        // Devices are bound; this one gives way to a link, which cannot replace a mount.
        spec.linux?.devices.removeAll { $0.path == "/dev/ptmx" }
        // The machine's own queues, which not every machine shows.
        if access("/dev/mqueue", F_OK) != 0 { spec.mounts.removeAll { $0.source == "/dev/mqueue" } }
        if configuration.namespaces.pid == .host {
            // proc shows processes of a namespace that belongs to the machine: it cannot be mounted anew.
            replace(&spec, "/proc", by: "/proc")
        }
        if let process = spec.process { spec.process = Self.fitted(process) }
    }

    private func replace(_ spec: inout RuntimeSpec, _ destination: String, by source: String) {
        guard let index = spec.mounts.firstIndex(where: { $0.destination == destination && $0.type != "bind" }) else {
            return
        }
        spec.mounts[index] = RuntimeSpec.Mount(
            destination: destination, type: "bind", source: source, options: ["rbind", "nosuid", "noexec", "nodev"])
    }

    /// Limits may be lowered, never raised above our own; a score may only get worse.
    static func fitted(_ process: RuntimeSpec.Process) -> RuntimeSpec.Process {
        var process = process
        if let wanted = process.oomScoreAdj,
            let own = ProcFile.text("/proc/self/oom_score_adj").flatMap({ Int($0.filter { !$0.isWhitespace }) })
        {
            process.oomScoreAdj = max(wanted, own)
        }
        process.rlimits = process.rlimits.map { limit in
            guard let resource = Self.limitNumbers.firstIndex(of: limit.type) else { return limit }
            var own = rlimit()
            guard getrlimit(__rlimit_resource_t(UInt32(resource)), &own) == 0 else { return limit }
            var limit = limit
            limit.hard = min(limit.hard, UInt64(own.rlim_max))
            limit.soft = min(limit.soft, limit.hard)
            return limit
        }
        return process
    }

    /// In the order of the kernel's numbers.
    private static let limitNumbers = [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
        "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
        "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ]
}
