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
    /// To be applied when the process says that it is ready.
    let privileged: PrivilegedSettings
}

enum ContainerLaunch {
    /// Clones the container's first process. It reports over the socket; the caller waits for `ready` or `failed`.
    static func start(_ plan: ContainerPlan, streams: StandardStreams, startFifo: Int32? = nil) throws
        -> LaunchedProcess
    {
        var plan = plan
        defer {
            for fd in plan.preparedMounts.values { _ = close(fd) }
            if let fd = plan.preparedRoot { _ = close(fd) }
            for namespace in plan.joined { _ = close(namespace.fd) }
        }
        for namespace in plan.linux.namespaces {
            guard let path = namespace.path else { continue }
            try doing("joining \(namespace.kind.rawValue) namespace") {
                plan.joined.append((namespace.kind, try OwnedFD.open(path, O_RDONLY).release()))
            }
        }
        try MountPreparation.open(for: &plan)
        let privileged = PrivilegedSettings(&plan, streams: streams)
        let (ours, theirs) = try PacketSocket.pair()
        let socket = OwnedFD(ours)
        let (pid, pidfd) =
            plan.needsStage
            ? try cloneStaged(plan, streams, socket: ours, childSocket: theirs, startFifo)
            : try clone(plan, streams, socket: ours, childSocket: theirs, startFifo)
        do {
            if plan.newNamespaces.contains(.user), !plan.needsStage {
                try UserMapping.write(for: pid, plan.linux.uidMappings, plan.linux.gidMappings)
                try Handshake.send(.mapped, on: socket.raw)
            }
            try privileged.applyScore(to: pid)
            // The runtime's own affinity is nobody else's; a kernel that refuses leaves the process where it is.
            try? CPUSet.every.apply(to: pid)
            if let group = plan.cgroup {
                try group.make()
                try CgroupLimits(group).apply(plan.linux.resources ?? RuntimeSpec.Resources(), isNew: true)
                if let owner = plan.groupOwner { try group.delegate(to: owner) }
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
        return LaunchedProcess(pid: pid, pidfd: OwnedFD(pidfd), socket: socket, privileged: privileged)
    }

    private static func clone(
        _ plan: ContainerPlan, _ streams: StandardStreams, socket: Int32, childSocket: Int32, _ startFifo: Int32?
    ) throws -> (pid: Int32, pidfd: Int32) {
        // pid namespaces take effect for children: the runtime itself goes in before it clones.
        if let (_, fd) = plan.joined.first(where: { $0.kind == .pid }) {
            try doing("joining pid namespace") { try check("setns") { apus_setns(fd, 0x2000_0000) } }
        }
        var flags = plan.newNamespaces
        flags.remove(.cgroup)  // entered once attached to the group, so that the group is its root
        var pidfd: Int32 = -1
        let pid = apus_clone(flags.rawValue, &pidfd, -1)
        if pid == 0 {
            _ = close(socket)
            ContainerInit(plan: plan, streams: streams, socket: childSocket, startFifo: startFifo).run()
        }
        let code = errno
        _ = close(childSocket)
        guard pid > 0 else { throw RuntimeError(.internalError, "clone3: \(Errno.message(code))") }
        return (pid, pidfd)
    }

    private static func cloneStaged(
        _ plan: ContainerPlan, _ streams: StandardStreams, socket: Int32, childSocket: Int32, _ startFifo: Int32?
    ) throws -> (pid: Int32, pidfd: Int32) {
        let stage = apus_clone(0, nil, -1)
        if stage == 0 {
            _ = close(socket)
            LaunchStage(plan: plan, socket: childSocket).run()
            ContainerInit(plan: plan, streams: streams, socket: childSocket, startFifo: startFifo).run()
        }
        let code = errno
        _ = close(childSocket)
        guard stage > 0 else { throw RuntimeError(.internalError, "clone3: \(Errno.message(code))") }
        defer { _ = ExitStatus.reap(stage, waiting: true) }
        do {
            while let packet = try PacketSocket.receive(socket) {
                switch Handshake(packet.bytes) {
                case .mapRequest:
                    try UserMapping.write(for: stage, plan.linux.uidMappings, plan.linux.gidMappings)
                    try Handshake.send(.mapped, on: socket)
                case .cloned(let pid):
                    return (pid, try check("pidfd_open") { apus_pidfd_open(pid, 0) })
                case .failed(let error): throw error
                default: throw RuntimeError(.internalError, "unexpected message")
                }
            }
            throw RuntimeError(.internalError, "the container's first stage died")
        } catch {
            _ = kill(stage, SIGKILL)
            throw error
        }
    }

    private static func failureOfChild(_ socket: Int32) -> RuntimeError? {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // Silence: our own error stands.
        guard poll(&watched, 1, 0) > 0, let packet = try? PacketSocket.receive(socket) else { return nil }
        if case .failed(let error) = Handshake(packet.bytes) { return error }
        return nil
    }
}
