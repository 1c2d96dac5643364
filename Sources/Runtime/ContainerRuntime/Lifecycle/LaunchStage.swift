// SPDX-License-Identifier: Apache-2.0
// A short-lived process between the runtime and the container: it enters what takes effect for children only.
import CLinux
import Glibc
import JSON
import Linux
import OCI

extension ContainerPlan {
    /// Joined user namespaces, time offsets, and foreign namespaces beside a new user namespace cannot be had by clone3(2)
    /// alone.
    var needsStage: Bool {
        guard linux.namespace(.user)?.path == nil else { return true }
        if linux.timeOffsets?.object?.isEmpty == false { return true }
        return linux.namespace(.user) != nil && linux.namespaces.contains { $0.path != nil }
    }
}

/// Enters the namespaces in the order that their owners ask for, then clones the container's first process as its sibling.
struct LaunchStage {
    let plan: ContainerPlan
    let socket: Int32

    /// Returns only in the container's first process.
    func run() {
        do {
            let pid = try cloneSibling()
            if pid == 0 { return }
            try Handshake.send(.cloned(pid), on: socket)
            _exit(0)
        } catch {
            // A parent that is gone cannot be told.
            try? Handshake.send(.failed(RuntimeError(error)), on: socket)
            _exit(1)
        }
    }

    private func cloneSibling() throws -> Int32 {
        let mount = plan.joined.first { $0.kind == .mount }
        let others = plan.joined.filter { $0.kind != .user && $0.kind != .mount && $0.kind != .cgroup }
        // The host's namespaces are entered with the host's rights, those of the joined user namespace with its own.
        var denied: [(kind: RuntimeSpec.Namespace.Kind, fd: Int32)] = []
        for namespace in others {
            do { try enter(namespace) } catch {
                guard plan.linux.namespace(.user)?.path != nil else { throw error }
                denied.append(namespace)
            }
        }
        try enterUsers()
        for namespace in denied { try enter(namespace) }
        var flags = plan.newNamespaces
        flags.subtract([.user, .cgroup])
        if flags.contains(.time) {
            flags.remove(.time)
            try check("unshare(CLONE_NEWTIME)") { apus_unshare(Int32(NamespaceFlags.time.rawValue)) }
            try setOffsets()
        }
        if let mount { try enter(mount) }
        let pid = apus_clone_sibling(flags.rawValue)
        guard pid >= 0 else { throw Errno(call: "clone3") }
        return pid
    }

    private func enter(_ namespace: (kind: RuntimeSpec.Namespace.Kind, fd: Int32)) throws {
        try doing("joining \(namespace.kind.rawValue) namespace") {
            try check("setns") {
                apus_setns(namespace.fd, Int32(truncatingIfNeeded: namespace.kind.flag.rawValue))
            }
        }
    }

    private func enterUsers() throws {
        guard let user = plan.linux.namespace(.user) else { return }
        if user.path != nil {
            guard let joined = plan.joined.first(where: { $0.kind == .user }) else { return }
            try enter(joined)
        } else {
            try check("unshare(CLONE_NEWUSER)") { apus_unshare(Int32(NamespaceFlags.user.rawValue)) }
            try Handshake.send(.mapRequest, on: socket)
            try Handshake.expect(.mapped, on: socket)
        }
        try check("setuid") { apus_set_identity(0, 0, [], 0) }
        // /proc/self belongs to this process's user only when it may be dumped.
        _ = apus_prctl(4, 1, 0, 0, 0)
    }

    private func setOffsets() throws {
        guard let offsets = plan.linux.timeOffsets?.object else { return }
        var lines = ""
        for (clock, value) in offsets.fields {
            lines += "\(clock) \(value["secs"]?.int ?? 0) \(value["nanosecs"]?.int ?? 0)\n"
        }
        guard !lines.isEmpty else { return }
        try TextFile.write(lines, to: "/proc/self/timens_offsets")
    }
}
