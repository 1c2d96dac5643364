// SPDX-License-Identifier: Apache-2.0
// One more process in a running container.
import CLinux
import Glibc
import JSON
import Linux
import OCI

/// Clones a process into the namespaces and the control group of a container's first process.
struct ExecLaunch {
    let process: RuntimeSpec.Process
    let container: Int32
    let containerPidfd: Int32
    let namespaces: [RuntimeSpec.Namespace]
    let cgroup: ControlGroup?
    let seccomp: SeccompProgram?
    let streams: StandardStreams
    let diesWithParent: Bool
    /// Folders of groups below the container's, one per hierarchy.
    var groupFolders: [String]?
    var extraDescriptors: Int32 = 0
    var personality: RuntimeSpec.Personality?
    var memoryPolicy: JSONValue?
    /// The filter's listener is handed over before the program starts.
    var hasListener = false
    var debug: (String) -> Void = { _ in }

    func start() throws -> LaunchedProcess {
        guard !process.args.isEmpty else { throw RuntimeError(.invalid, "process.args must not be empty") }
        guard process.cwd.hasPrefix("/") else { throw RuntimeError(.invalid, "Cwd must be an absolute path") }
        let pidfd = containerPidfd
        if namespaces.contains(where: { $0.kind == .pid }) {
            try doing("container is not running") { try check("setns") { apus_setns(pidfd, 0x2000_0000) } }
        }
        let (ours, theirs) = try PacketSocket.pair()
        let socket = OwnedFD(ours)
        var childPidfd: Int32 = -1
        let pid = apus_clone(0, &childPidfd, -1)
        if pid == 0 {
            _ = close(ours)
            run(socket: theirs)
        }
        let code = errno
        _ = close(theirs)
        guard pid > 0 else {
            throw RuntimeError(
                .internalError, code == ENOMEM ? "container is not running" : "clone3: \(Errno.message(code))")
        }
        do {
            try setAffinity("initial", of: pid)
            try joinGroup(pid)
            try setAffinity("final", of: pid)
            try Handshake.send(.attached, on: socket.raw)
        } catch let failure {
            _ = kill(pid, SIGKILL)
            _ = close(childPidfd)
            _ = ExitStatus.reap(pid, waiting: true)
            throw failure
        }
        return LaunchedProcess(
            pid: pid, pidfd: OwnedFD(childPidfd), socket: socket, privileged: PrivilegedSettings())
    }

    private func joinGroup(_ pid: Int32) throws {
        try doing("error adding pid \(pid) to cgroups") {
            guard let groupFolders else { return try cgroup?.add(pid, beside: container) ?? () }
            for folder in groupFolders { try TextFile.write(String(pid), to: folder + "/cgroup.procs") }
        }
    }

    /// `execCPUAffinity`: before and after the process joins the control group.
    private func setAffinity(_ key: String, of pid: Int32) throws {
        if let text = process.execCPUAffinity?[key]?.string, !text.isEmpty {
            try doing("error setting \(key) CPU affinity") { try CPUSet(text).apply(to: pid) }
            debug("process \(pid): \(key) CPU affinity \(text)")
        } else if key == "final", process.execCPUAffinity?["initial"]?.string?.isEmpty ?? true {
            // The runtime's own affinity is nobody else's; a kernel that refuses leaves the process where it is.
            try? CPUSet.every.apply(to: pid)
        }
    }

    private func run(socket: Int32) -> Never {
        do {
            try prepare(socket)
        } catch {
            // A parent that is gone cannot be told.
            try? Handshake.send(.failed(RuntimeError(error)), on: socket)
            _exit(1)
        }
    }

    private func prepare(_ socket: Int32) throws -> Never {
        apus_reset_signals()
        umask(0)
        setsid()
        if diesWithParent { _ = apus_prctl(1, UInt(SIGKILL), 0, 0, 0) }
        _ = apus_prctl(4, 0, 0, 0, 0)
        var setup = ProcessSetup(process, seccomp: seccomp, diesWithParent: diesWithParent)
        try setup.prepare()
        // With the rights of the host: a user namespace's root may only lower them.
        try setup.setLimits()
        _ = apus_join_session_keyring("_ses.exec")
        var flags: NamespaceFlags = []
        for namespace in namespaces where namespace.kind != .pid && namespace.kind != .cgroup {
            // Nobody may enter the user namespace it is in already.
            if namespace.kind == .user, !isElsewhere("user") { continue }
            flags.insert(namespace.kind.flag)
        }
        let pidfd = containerPidfd
        let wanted = flags
        // One call; the kernel enters a user namespace first.
        try check("setns") { apus_setns(pidfd, Int32(truncatingIfNeeded: wanted.rawValue)) }
        if flags.contains(.user) { try check("setuid") { apus_set_identity(0, 0, [], 0) } }
        try Handshake.expect(.attached, on: socket)
        if namespaces.contains(where: { $0.kind == .cgroup }) {
            try check("setns") { apus_setns(pidfd, 0x0200_0000) }
        }
        try installStreams(socket)
        setup.warn = { text in
            try? Handshake.send(.warning(text), on: socket)  // a parent that is gone needs no warning
        }
        try personality?.apply()
        try setup.assume()
        try memoryPolicy.map(MemoryPolicy.init)?.apply()
        let path = try ExecutableLookup.find(process.args[0], environment: process.env)
        if hasListener { try setup.listen(socket) }
        ExtraDescriptors.keep(extraDescriptors)
        try setup.execute(path)
    }

    private func isElsewhere(_ kind: String) -> Bool {
        var (ours, theirs) = (stat(), stat())
        guard stat("/proc/self/ns/\(kind)", &ours) == 0, stat("/proc/\(container)/ns/\(kind)", &theirs) == 0 else {
            return true
        }
        return ours.st_ino != theirs.st_ino
    }

    private func installStreams(_ socket: Int32) throws {
        switch streams {
        case .inherited: break
        case .descriptors(let input, let output, let error): try StandardStreams.install(input, output, error)
        case .terminal:
            let root = try GuestRoot(path: "/")
            let master = try doing("open /dev/pts/ptmx") { try root.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY) }
            try RootFileSystem.requireFileSystem(master.raw, magic: 0x1cd1, "devpts")
            let peer = try PseudoTerminal.peer(of: master)
            if let size = process.consoleSize {
                try PseudoTerminal.resize(master.raw, width: size.width, height: size.height)
            }
            try Handshake.send(.terminal, on: socket, descriptor: master.raw)
            try StandardStreams.install(peer.raw)
            // The user owns its terminal; devpts of a user namespace may refuse.
            if process.user.uid != 0 { _ = fchown(0, process.user.uid, gid_t.max) }
        }
    }
}
