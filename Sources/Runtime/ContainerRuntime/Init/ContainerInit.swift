// SPDX-License-Identifier: Apache-2.0
// The container's first process, from clone to exec.
import CLinux
import Glibc
import Linux
import OCI

/// Runs in the cloned child. Nothing here returns to the code of the parent.
struct ContainerInit {
    let plan: ContainerPlan
    let streams: StandardStreams
    /// Our end of the handshake.
    let socket: Int32
    /// For the command line: opening this fifo for writing waits for `start`, where the shim sends a message.
    let startFifo: Int32?

    func run() -> Never {
        do {
            try prepare()
        } catch {
            report(error)
        }
    }

    private func report(_ failure: any Error) -> Never {
        let known = RuntimeError(failure)
        do { try Handshake.send(.failed(known), on: socket) } catch {
            // The parent has gone (`create` ends before `start`): the container's own stderr hears it.
            let line = "apus-runtime: \(known.message)\n"
            _ = write(2, line, line.utf8.count)
        }
        _exit(1)
    }

    private func prepare() throws -> Never {
        apus_reset_signals()
        umask(0)
        setsid()
        if plan.diesWithParent { _ = apus_prctl(1, UInt(SIGKILL), 0, 0, 0) }
        if plan.newNamespaces.contains(.user), !plan.needsStage {
            try Handshake.expect(.mapped, on: socket)
            try check("setuid") { apus_set_identity(0, 0, [], 0) }
            if plan.diesWithParent { _ = apus_prctl(1, UInt(SIGKILL), 0, 0, 0) }  // a new identity forgets it
        }
        let number = ownNumber()
        _ = apus_prctl(4, 1, 0, 0, 0)  // its own files in /proc are its own
        var setup = ProcessSetup(plan.process, seccomp: plan.seccomp, diesWithParent: plan.diesWithParent)
        setup.hasCPUSet = plan.linux.resources?.cpu?.cpus?.isEmpty == false
        try setup.prepare()
        _ = apus_prctl(4, 0, 0, 0, 0)  // not dumpable: the container's processes cannot look into this one before exec
        try joinNamespaces()
        // Kernels without keyrings, or with a full quota, share the runtime's.
        if plan.hasKeyring { _ = apus_join_session_keyring("_ses.\(plan.id)") }
        try nameMachine()
        try buildRoot(number)
        setup.warn = { text in
            try? Handshake.send(.warning(text), on: socket)  // a parent that is gone needs no warning
        }
        try setup.assume()
        try plan.linux.memoryPolicy.map(MemoryPolicy.init)?.apply()
        let path = try ExecutableLookup.find(plan.process.args[0], environment: plan.process.env)
        if plan.listener != nil { try setup.listen(socket) }
        try Handshake.send(.ready, on: socket)
        try waitForStart()
        if plan.usesInit {
            try PidOne.fork(socket: socket, terminal: plan.process.terminal, diesWithParent: plan.diesWithParent)
        }
        ExtraDescriptors.keep(plan.extraDescriptors)
        let services = LaunchServices(plan)
        if services.hasStartHooks {
            setup.beforeProgram = { try services.beforeProgram(pid: number, environment: $0) }
        }
        try setup.execute(path)
    }

    /// This process's number as the host counts.
    private func ownNumber() -> Int32 {
        var buffer = [CChar](repeating: 0, count: 32)
        let count = readlink("/proc/self", &buffer, buffer.count)
        let digits = buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        return Int32(String(decoding: digits, as: UTF8.self)) ?? getpid()
    }

    /// Mounts, waits for the control group, lets the hooks run, and goes in.
    private func buildRoot(_ number: Int32) throws {
        let waitForGroup = GroupWait(socket: socket, namespace: plan.linux.namespace(.cgroup))
        var files = try RootFileSystem(plan)
        try files.populate(
            awaitCgroup: { try waitForGroup.once(plan) },
            requestTree: { index in
                // The runtime answers once it has attached this process.
                try waitForGroup.once(plan)
                return try request(.tree(index))
            })
        try waitForGroup.once(plan)
        let services = LaunchServices(plan)
        if services.hasRuntimeHooks {
            try Handshake.send(.hooks, on: socket)
            try Handshake.expect(.hooked, on: socket)
        }
        if services.hasContainerHooks {
            let root = files.root.fd.raw
            try check("fchdir") { fchdir(root) }
            try services.inContainer(pid: number)
        }
        try enter(consume files)
    }

    /// A descriptor that only the runtime may open.
    private func request(_ message: Handshake) throws -> OwnedFD {
        try Handshake.send(message, on: socket)
        guard let packet = try PacketSocket.receive(socket), let fd = packet.descriptors.first else {
            throw RuntimeError(.internalError, "the runtime went away")
        }
        return OwnedFD(fd)
    }

    /// Control group and its namespace come last before anything shows them; waiting happens once.
    private final class GroupWait {
        let socket: Int32
        let namespace: RuntimeSpec.Namespace?
        var done = false

        init(socket: Int32, namespace: RuntimeSpec.Namespace?) {
            self.socket = socket
            self.namespace = namespace
        }

        func once(_ plan: ContainerPlan) throws {
            if done { return }
            done = true
            try Handshake.expect(.attached, on: socket)
            guard let namespace else { return }
            if namespace.path == nil {
                try check("unshare(CLONE_NEWCGROUP)") { apus_unshare(0x0200_0000) }
            } else if let (_, fd) = plan.joined.first(where: { $0.kind == .cgroup }) {
                try doing("joining cgroup namespace") { try check("setns") { apus_setns(fd, 0x0200_0000) } }
            }
        }
    }

    private func joinNamespaces() throws {
        if !plan.needsStage {
            // The mount namespace last: entering it changes what every path means.
            let others = plan.joined.filter { ![.pid, .cgroup, .user, .mount].contains($0.kind) }
            for namespace in others + plan.joined.filter({ $0.kind == .mount }) {
                try doing("joining \(namespace.kind.rawValue) namespace") {
                    try check("setns") {
                        apus_setns(namespace.fd, Int32(truncatingIfNeeded: namespace.kind.flag.rawValue))
                    }
                }
            }
        }
        if plan.newNamespaces.contains(.network) { try check("bring up lo") { apus_loopback_up() } }
    }

    private func nameMachine() throws {
        if let name = plan.spec.hostname, !name.isEmpty {
            try check("sethostname") { sethostname(name, name.utf8.count) }
        }
        if let name = plan.spec.domainname, !name.isEmpty {
            try check("setdomainname") { setdomainname(name, name.utf8.count) }
        }
        try plan.linux.personality?.apply()
    }

    private func enter(_ files: consuming RootFileSystem) throws {
        guard case .terminal = streams else {
            if case .descriptors(let input, let output, let error) = streams {
                try StandardStreams.install(input, output, error)
            }
            return try files.enter()
        }
        let console = try files.openConsole()
        try Handshake.send(.terminal, on: socket, descriptor: console.master.raw)
        let terminal = console.peer.raw
        try files.enter()
        try StandardStreams.install(terminal)
        // Devpts of a user namespace may refuse.
        if plan.process.user.uid != 0 { _ = fchown(0, plan.process.user.uid, UInt32.max) }
    }

    private func waitForStart() throws {
        guard let startFifo else { return try Handshake.expect(.start, on: socket) }
        // Until then a signal ends it, though it may be pid 1, which the kernel protects from signals that it does not handle.
        apus_end_on_signals(1)
        defer { apus_end_on_signals(0) }
        // Opening blocks until `start` opens the other side; the path leads to the descriptor, not into the container.
        let fifo = OwnedFD(
            try check("open fifo") { open("/proc/self/fd/\(startFifo)", O_WRONLY | O_CLOEXEC) })
        _ = write(fifo.raw, "0", 1)
    }
}

/// Descriptors from 3 on that the program gets: LISTEN_FDS and `--preserve-fds`.
enum ExtraDescriptors {
    /// All others above stderr close when the program is executed.
    static func keep(_ count: Int32) {
        _ = apus_close_range(3 + UInt32(count), UInt32.max, 4)  // CLOSE_RANGE_CLOEXEC
        for fd in 3..<(3 + count) { _ = fcntl(fd, F_SETFD, 0) }
    }
}

extension RuntimeSpec.Personality {
    /// For the calling process and what it executes.
    func apply() throws {
        let values: [String: UInt] = ["LINUX": 0, "LINUX32": 8]
        guard let value = values[domain] else { throw RuntimeError(.invalid, "unknown personality \(domain)") }
        guard flags.isEmpty else { throw RuntimeError(.invalid, "personality flags are not supported: \(flags[0])") }
        try check("personality") { apus_personality(value) }
    }
}
