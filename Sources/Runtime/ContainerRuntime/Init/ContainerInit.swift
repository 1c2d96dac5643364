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
        if plan.newNamespaces.contains(.user) {
            try Handshake.expect(.mapped, on: socket)
            try check("setuid") { apus_set_identity(0, 0, [], 0) }
        }
        _ = apus_prctl(4, 0, 0, 0, 0)  // not dumpable: the container's processes cannot look into this one before exec
        var setup = ProcessSetup(plan.process, seccomp: plan.seccomp, diesWithParent: plan.diesWithParent)
        try setup.prepare()
        try joinNamespaces()
        // Kernels without keyrings, or with a full quota, share the runtime's.
        _ = apus_join_session_keyring("_ses.\(plan.id)")
        try nameMachine()
        let waitForGroup = GroupWait(socket: socket, namespace: plan.linux.namespace(.cgroup) != nil)
        var files = try RootFileSystem(plan)
        try files.populate { try waitForGroup.once() }
        try waitForGroup.once()
        try enter(consume files)
        try setup.assume()
        let path = try ExecutableLookup.find(plan.process.args[0], environment: plan.process.env)
        try Handshake.send(.ready, on: socket)
        try waitForStart()
        if plan.usesInit {
            try PidOne.fork(socket: socket, terminal: plan.process.terminal, diesWithParent: plan.diesWithParent)
        }
        _ = apus_close_range(3, UInt32.max, 4)  // CLOSE_RANGE_CLOEXEC
        try setup.execute(path)
    }

    /// Control group and its namespace come last before anything shows them; waiting happens once.
    private final class GroupWait {
        let socket: Int32
        let namespace: Bool
        var done = false

        init(socket: Int32, namespace: Bool) {
            self.socket = socket
            self.namespace = namespace
        }

        func once() throws {
            if done { return }
            done = true
            try Handshake.expect(.attached, on: socket)
            if namespace { try check("unshare(CLONE_NEWCGROUP)") { apus_unshare(0x0200_0000) } }
        }
    }

    private func joinNamespaces() throws {
        for namespace in plan.linux.namespaces where namespace.kind != .pid && namespace.kind != .cgroup {
            guard let path = namespace.path else { continue }
            try doing("joining \(namespace.kind.rawValue) namespace") {
                let file = try OwnedFD.open(path, O_RDONLY)
                let raw = file.raw
                try check("setns") { apus_setns(raw, Int32(truncatingIfNeeded: namespace.kind.flag.rawValue)) }
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
        if let personality = plan.linux.personality {
            let values: [String: UInt] = ["LINUX": 0, "LINUX32": 8]
            guard let value = values[personality.domain] else {
                throw RuntimeError(.invalid, "unknown personality \(personality.domain)")
            }
            try check("personality") { apus_personality(value) }
        }
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
        // Opening blocks until `start` opens the other side; the path leads to the descriptor, not into the container.
        let fifo = OwnedFD(
            try check("open fifo") { open("/proc/self/fd/\(startFifo)", O_WRONLY | O_CLOEXEC) })
        _ = write(fifo.raw, "0", 1)
    }
}
