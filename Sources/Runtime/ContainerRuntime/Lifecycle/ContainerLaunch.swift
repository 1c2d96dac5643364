// SPDX-License-Identifier: Apache-2.0
// The parent's side of a new container: clone, map users, make the control group and attach, while the child mounts.
import CLinux
import Glibc
import Linux
import OCI

/// A cloned child on its way to exec, and our end of the handshake with it.
struct LaunchedProcess: ~Copyable {
    let pid: Int32
    let pidfd: OwnedFD
    let socket: OwnedFD
}

enum ContainerLaunch {
    /// Clones the container's first process. It reports over the socket; the caller waits for `ready` or `failed`.
    static func start(_ plan: ContainerPlan, streams: StandardStreams, startFifo: Int32? = nil) throws
        -> LaunchedProcess
    {
        try joinPidNamespace(plan.linux)
        let (ours, theirs) = try PacketSocket.pair()
        let socket = OwnedFD(ours)
        var flags = plan.newNamespaces
        flags.remove(.cgroup)  // entered once attached to the group, so that the group is its root
        var pidfd: Int32 = -1
        let pid = apus_clone(flags.rawValue, &pidfd, -1)
        if pid == 0 {
            _ = close(ours)
            ContainerInit(plan: plan, streams: streams, socket: theirs, startFifo: startFifo).run()
        }
        let code = errno
        _ = close(theirs)
        guard pid > 0 else { throw RuntimeError(.internalError, "clone3: \(Errno.message(code))") }
        do {
            if flags.contains(.user) { try mapUsers(plan.linux, pid: pid, socket: socket.raw) }
            if let group = plan.cgroup {
                try group.make()
                try CgroupLimits(group).apply(plan.linux.resources ?? RuntimeSpec.Resources(), isNew: true)
                try group.add(pid)
            }
            try Handshake.send(.attached, on: socket.raw)
        } catch let failure {
            // A child that failed first has the better story, and its death fails our writes.
            let told = failureOfChild(socket.raw)
            _ = kill(pid, SIGKILL)
            _ = close(pidfd)
            _ = ExitStatus.reap(pid, waiting: true)
            throw told ?? failure
        }
        return LaunchedProcess(pid: pid, pidfd: OwnedFD(pidfd), socket: socket)
    }

    /// pid namespaces take effect for children: the runtime itself goes in before it clones.
    private static func joinPidNamespace(_ linux: RuntimeSpec.Linux) throws {
        guard let path = linux.namespace(.pid)?.path else { return }
        try doing("joining pid namespace") {
            let file = try OwnedFD.open(path, O_RDONLY)
            let raw = file.raw
            try check("setns") { apus_setns(raw, 0x2000_0000) }
        }
    }

    private static func mapUsers(_ linux: RuntimeSpec.Linux, pid: Int32, socket: Int32) throws {
        let lines = { (mappings: [RuntimeSpec.IDMapping]) in
            mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
        }
        guard !linux.uidMappings.isEmpty, !linux.gidMappings.isEmpty else {
            throw RuntimeError(.invalid, "user namespaces enabled, but no uid or gid mappings found")
        }
        try TextFile.write(lines(linux.uidMappings), to: "/proc/\(pid)/uid_map")
        if geteuid() != 0 { try TextFile.write("deny", to: "/proc/\(pid)/setgroups") }
        try TextFile.write(lines(linux.gidMappings), to: "/proc/\(pid)/gid_map")
        try Handshake.send(.mapped, on: socket)
    }

    private static func failureOfChild(_ socket: Int32) -> RuntimeError? {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // Silence: our own error stands.
        guard poll(&watched, 1, 0) > 0, let packet = try? PacketSocket.receive(socket) else { return nil }
        if case .failed(let error) = Handshake(packet.bytes) { return error }
        return nil
    }
}
