// SPDX-License-Identifier: Apache-2.0
// create and run: the commands that make a container.
import CLinux
import Glibc
import JSON
import Linux
import OCI

/// A container that waits for the word to start.
struct MadeContainer {
    let saved: SavedContainer
    let plan: ContainerPlan
    let socket: Int32
    /// The master of its terminal, unless a console socket got it.
    let master: Int32?
}

extension OCICommand {
    /// Clones a container and follows it until it is prepared. The caller lets it start.
    private func make(withFifo: Bool, detached: Bool) throws -> MadeContainer {
        guard let id = arguments.operands.first, !id.isEmpty else {
            throw RuntimeError(.invalid, "container id cannot be empty")
        }
        let folder = try SavedContainer.folder(root: root, id: id)
        let bundle = try Self.absolute(arguments["bundle"] ?? ".")
        guard TextFile.exists(bundle + "/config.json") else {
            throw RuntimeError(.invalid, "JSON specification file config.json not found")
        }
        var plan = try ContainerPlan(id: id, bundle: bundle, seccompCache: root + "/.seccomp")
        try plan.defaultCgroup()
        plan.diesWithParent = !detached
        plan.hasKeyring = !arguments.has("no-new-keyring")
        plan.noPivot = arguments.has("no-pivot")
        plan.extraDescriptors = try passDescriptors(to: &plan.process)
        try checkTerminal(plan.process, detached: detached)
        if let group = plan.cgroup { try requireUsable(group) }
        try TextFile.makeFolders(root, mode: 0o700)
        if mkdir(folder, 0o700) != 0 {
            if errno == EEXIST { throw RuntimeError(.invalid, "container with given ID already exists") }
            throw Errno(call: "mkdir \(folder)")
        }
        do {
            return try launch(plan, in: folder, withFifo: withFifo)
        } catch {
            // The first failure is the one to tell.
            for pid in plan.cgroup?.processes() ?? [] { _ = Glibc.kill(pid, SIGKILL) }
            try? plan.cgroup?.remove()
            SavedContainer(folder: folder, id: id, bundle: bundle, pid: 0).removeFolder()
            throw error
        }
    }

    private func launch(_ plan: ContainerPlan, in folder: String, withFifo: Bool) throws -> MadeContainer {
        // Later commands read the spec the container was made from; a relative root is the bundle's.
        var document = try JSONValue.parse(try TextFile.bytes(plan.bundle + "/config.json")).object ?? JSONObject()
        document["root"] = RuntimeSpec.Root(path: plan.rootPath, readonly: plan.spec.root?.readonly ?? false).json
        try TextFile.replace(folder + "/config.json", with: JSONValue.object(document).serialize())
        var fifo: Int32?
        if withFifo {
            try check("mkfifo") { mkfifo(folder + "/exec.fifo", 0o622) }
            // The caller's umask would keep the container's user out, who opens it to wait.
            try check("chmod") { chmod(folder + "/exec.fifo", 0o622) }
            fifo = try OwnedFD.open(folder + "/exec.fifo", O_PATH).release()
        }
        let follower = Follower(
            services: LaunchServices(plan), console: arguments["console-socket"], log: log)
        let launched = try doing("unable to start container process") {
            let launched = try ContainerLaunch.start(
                plan, streams: plan.process.terminal ? .terminal : .inherited, startFifo: fifo)
            if let filter = plan.seccomp { log.debug("seccomp filter flags: \(filter.flags)") }
            log.debug("container \(plan.id): process \(launched.pid) cloned, limited, attached to its control group")
            do {
                try doing("error during container init") {
                    try follower.follow(launched.socket.raw, pid: launched.pid, until: .ready)
                    try launched.privileged.applyLimits(to: launched.pid)
                }
                log.debug("container \(plan.id): process \(launched.pid) prepared, waiting for the word to start")
                if let path = arguments["pidfd-socket"] {
                    try StreamSocket.send(launched.pidfd.raw, named: "pidfd", to: path)
                }
            } catch {
                _ = Glibc.kill(launched.pid, SIGKILL)
                _ = ExitStatus.reap(launched.pid, waiting: true)
                throw error
            }
            return launched
        }
        let container = SavedContainer(folder: folder, id: plan.id, bundle: plan.bundle, pid: launched.pid)
        try container.save()
        try Self.writePid(launched.pid, to: arguments["pid-file"])
        return MadeContainer(
            saved: container, plan: plan, socket: try launched.socket.duplicate().release(), master: follower.master)
    }

    /// A group with processes in it, or a frozen one, is somebody else's.
    private func requireUsable(_ group: ControlGroup) throws {
        guard group.folders.contains(where: TextFile.exists) else { return }
        guard group.processes().isEmpty else {
            throw RuntimeError(
                .invalid, "container's cgroup is not empty: \(group.processes().count) process(es) found")
        }
        guard !group.isFrozen else { throw RuntimeError(.invalid, "container's cgroup unexpectedly frozen") }
    }

    /// LISTEN_FDS of the caller and those of `--preserve-fds`, which must be open.
    func extraDescriptors() throws -> (listening: Int32, total: Int32) {
        var listening: Int32 = 0
        if let count = getenv("LISTEN_FDS").flatMap({ Int32(String(cString: $0)) }), (1..<1024).contains(count),
            let pid = getenv("LISTEN_PID").flatMap({ Int32(String(cString: $0)) }), pid == getpid()
        {
            listening = count
        }
        let preserved = Int32(clamping: try arguments.number("preserve-fds") ?? 0)
        guard (0..<1024).contains(preserved) else {
            throw RuntimeError(.invalid, "invalid --preserve-fds \(preserved)")
        }
        for index in 0..<preserved where fcntl(3 + listening + index, F_GETFD) < 0 {
            throw RuntimeError(
                .invalid, "unable to stat preserved-fd \(index) (of \(preserved)): no such file or directory")
        }
        return (listening, listening + preserved)
    }

    /// What the caller left open is nobody's business here, least of all a container's (CVE-2024-21626). Before the first
    /// descriptor of our own.
    func closeForeign() throws {
        _ = apus_close_range(3 + UInt32(try extraDescriptors().total), UInt32.max, 0)
    }

    /// Tells the program of the sockets it is given: sd_listen_fds(3).
    func passDescriptors(to process: inout RuntimeSpec.Process) throws -> Int32 {
        let (listening, total) = try extraDescriptors()
        if listening > 0 { process.env += ["LISTEN_FDS=\(listening)", "LISTEN_PID=1"] }
        return total
    }

    func checkTerminal(_ process: RuntimeSpec.Process, detached: Bool) throws {
        let hasSocket = arguments["console-socket"]?.isEmpty == false
        if detached && process.terminal && !hasSocket {
            throw RuntimeError(.invalid, "cannot allocate tty if runc will detach without setting console socket")
        }
        if hasSocket && (!detached || !process.terminal) {
            throw RuntimeError(.invalid, "cannot use console socket if runc will not detach or allocate tty")
        }
    }

    func create() throws {
        try closeForeign()
        _ = try make(withFifo: true, detached: true)
    }

    /// Runs to the end unless `--detach`; the exit code is the container's.
    func runForeground() throws -> Int32 {
        let detached = arguments.has("detach")
        if !arguments.has("no-subreaper") { _ = apus_prctl(36, 1, 0, 0, 0) }  // PR_SET_CHILD_SUBREAPER
        try closeForeign()
        var foreground = detached ? nil : Foreground()
        let made = try make(withFifo: false, detached: detached)
        do {
            try foreground?.relay(made.master)
            try Handshake.send(.start, on: made.socket)
            try doing("unable to start container process") {
                try doing("error during container init") {
                    try Follower(services: LaunchServices(made.plan), console: nil, log: log).follow(
                        made.socket, pid: made.saved.pid, until: nil)
                }
                try LaunchServices(made.plan).started(pid: made.saved.pid)
            }
            log.debug("container \(made.saved.id): program executed")
        } catch {
            _ = Glibc.kill(made.saved.pid, SIGKILL)  // the failure to execute may have ended it already
            _ = ExitStatus.reap(made.saved.pid, waiting: true)
            foreground?.end()
            try? destroy(made.saved, made.plan)  // the first failure is the one to tell
            throw error
        }
        guard var foreground else { return 0 }
        let code = foreground.wait(for: made.saved.pid)
        if !arguments.has("keep") { try destroy(made.saved, made.plan) }
        return code
    }

    static func writePid(_ pid: Int32, to path: String?) throws {
        if let path, !path.isEmpty { try TextFile.replace(path, with: Array(String(pid).utf8), mode: 0o644) }
    }

    static func absolute(_ path: String) throws -> String {
        guard let name = realpath(path, nil) else { throw Errno(call: "bundle \(path)") }
        defer { free(name) }
        return String(cString: name)
    }
}

/// Serves a child's messages on the parent's side.
final class Follower {
    private let services: LaunchServices?
    private let console: String?
    private let log: CommandLog
    private(set) var master: Int32?

    init(services: LaunchServices?, console: String?, log: CommandLog) {
        self.services = services
        self.console = console.flatMap { $0.isEmpty ? nil : $0 }
        self.log = log
    }

    /// Reads the child's messages until the expected one, or with nil until it has executed its program.
    func follow(_ socket: Int32, pid: Int32, until expected: Handshake?) throws {
        while let packet = try PacketSocket.receive(socket) {
            let message = Handshake(packet.bytes)
            switch message {
            case .failed(let error): throw error
            case .warning(let text): log.warn(text)
            case .terminal:
                guard let fd = packet.descriptors.first else { continue }
                guard let console else {
                    master = fd
                    continue
                }
                defer { _ = close(fd) }
                try StreamSocket.send(fd, named: "/dev/ptmx", to: console)
            default:
                let served = try services?.answer(
                    message, descriptors: packet.descriptors, pid: pid, socket: socket)
                if served != true, message == expected { return }
            }
        }
        if expected != nil {
            throw RuntimeError(.internalError, "the container's init process died before it was ready")
        }
    }
}
