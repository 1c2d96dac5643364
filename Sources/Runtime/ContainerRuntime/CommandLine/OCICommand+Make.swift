// SPDX-License-Identifier: Apache-2.0
// create, run and exec: the commands that clone.
import CLinux
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    private func makeArguments() throws -> CommandArguments {
        try parse(
            taking: ["bundle", "console-socket", "pid-file", "pidfd-socket"],
            plain: ["detach", "no-new-keyring"], short: ["b": "bundle", "d": "detach"])
    }

    /// Clones a container and follows it until it is prepared. The caller lets it start.
    private func make(
        _ arguments: CommandArguments, withFifo: Bool, diesWithParent: Bool
    ) throws -> (container: SavedContainer, socket: Int32, group: ControlGroup?) {
        guard let id = arguments.operands.first else { throw RuntimeError(.invalid, "\(name) requires a container id") }
        let folder = try SavedContainer.folder(root: root, id: id)
        let bundle = try Self.absolute(arguments["bundle"] ?? ".")
        var plan = try ContainerPlan(id: id, bundle: bundle, seccompCache: root + "/.seccomp")
        plan.diesWithParent = diesWithParent
        if plan.process.terminal != (arguments["console-socket"] != nil) {
            throw RuntimeError(.invalid, "a terminal needs --console-socket, and only a terminal may have one")
        }
        try TextFile.makeFolders(root, mode: 0o700)
        if mkdir(folder, 0o700) != 0 {
            if errno == EEXIST { throw RuntimeError(.invalid, "container with given ID already exists") }
            throw Errno(call: "mkdir \(folder)")
        }
        do {
            // Later commands read the spec the container was made from; a relative root is the bundle's.
            var document = try JSONValue.parse(try TextFile.bytes(bundle + "/config.json")).object ?? JSONObject()
            document["root"] = RuntimeSpec.Root(path: plan.rootPath, readonly: plan.spec.root?.readonly ?? false).json
            try TextFile.replace(folder + "/config.json", with: JSONValue.object(document).serialize())
            var fifo: Int32?
            if withFifo {
                try check("mkfifo") { mkfifo(folder + "/exec.fifo", 0o622) }
                fifo = try OwnedFD.open(folder + "/exec.fifo", O_PATH).release()
            }
            let launched = try ContainerLaunch.start(
                plan, streams: plan.process.terminal ? .terminal : .inherited, startFifo: fifo)
            try Self.follow(launched.socket.raw, until: .ready, console: arguments["console-socket"])
            let container = SavedContainer(folder: folder, id: id, bundle: bundle, pid: launched.pid)
            try container.save()
            try Self.writePid(launched.pid, to: arguments["pid-file"])
            return (container, try launched.socket.duplicate().release(), plan.cgroup)
        } catch {
            // The first failure is the one to tell.
            try? plan.cgroup?.remove()
            SavedContainer(folder: folder, id: id, bundle: bundle, pid: 0).removeFolder()
            throw error
        }
    }

    func create() throws {
        _ = try make(try makeArguments(), withFifo: true, diesWithParent: false)
    }

    /// Runs to the end unless `--detach`; the exit code is the container's.
    func runForeground() throws -> Int32 {
        let arguments = try makeArguments()
        let detached = arguments.has("detach")
        let (container, socket, group) = try make(arguments, withFifo: false, diesWithParent: !detached)
        do {
            try Handshake.send(.start, on: socket)
            try Self.follow(socket, until: nil, console: nil)
        } catch {
            try? container.signal(SIGKILL)  // the failure to execute has ended it already
            _ = ExitStatus.reap(container.pid, waiting: true)
            try? group?.remove()  // the first failure is the one to tell
            container.removeFolder()
            throw error
        }
        if detached { return 0 }
        let code = Self.wait(for: container.pid)
        for pid in group?.processes() ?? [] { _ = Glibc.kill(pid, SIGKILL) }
        try group?.remove()
        container.removeFolder()
        return code
    }

    func exec() throws -> Int32 {
        let arguments = try parse(
            taking: ["console-socket", "pid-file", "process", "cwd", "env", "user", "additional-gids"],
            plain: ["detach", "tty", "no-new-privs"],
            short: ["d": "detach", "t": "tty", "e": "env", "u": "user", "p": "process", "g": "additional-gids"])
        let container = try saved(arguments)
        guard ["running", "created"].contains(container.status()) else {
            throw RuntimeError(.invalid, "cannot exec in a \(container.status()) container")
        }
        let plan = try container.plan()
        let process = try execProcess(arguments, plan)
        let pid = container.pid
        let pidfd = OwnedFD(try check("pidfd_open") { apus_pidfd_open(pid, 0) })
        let launched = try ExecLaunch(
            process: process, container: pid, containerPidfd: pidfd.raw, namespaces: plan.linux.namespaces,
            cgroup: plan.cgroup,
            seccomp: plan.seccomp, streams: process.terminal ? .terminal : .inherited,
            diesWithParent: !arguments.has("detach")
        ).start()
        do {
            try Self.follow(launched.socket.raw, until: nil, console: arguments["console-socket"])
        } catch let error as RuntimeError {
            _ = ExitStatus.reap(launched.pid, waiting: true)
            guard error.kind == .notFound || error.kind == .notExecutable else { throw error }
            let line = "apus-runtime: exec failed: \(error.message)\n"
            _ = write(2, line, line.utf8.count)
            return error.exitCode
        }
        try Self.writePid(launched.pid, to: arguments["pid-file"])
        return arguments.has("detach") ? 0 : Self.wait(for: launched.pid)
    }

    /// The process of `--process`, or the container's own with other arguments.
    private func execProcess(_ arguments: CommandArguments, _ plan: ContainerPlan) throws -> RuntimeSpec.Process {
        var process = plan.process
        if let path = arguments["process"] {
            process = try RuntimeSpec.Process(json: try JSONValue.parse(try TextFile.bytes(path)), path: "process")
        } else {
            process.args = Array(arguments.operands.dropFirst())
            process.terminal = arguments.has("tty")
            process.env += arguments.all("env")
            if let cwd = arguments["cwd"] { process.cwd = cwd }
            if arguments.has("no-new-privs") { process.noNewPrivileges = true }
            if let user = arguments["user"] {
                let parts = user.split(separator: ":").compactMap { UInt32($0) }
                guard let uid = parts.first else { throw RuntimeError(.invalid, "--user takes numbers: uid[:gid]") }
                process.user = RuntimeSpec.User(uid: uid, gid: parts.count > 1 ? parts[1] : 0)
            }
            process.user.additionalGids += try arguments.all("additional-gids").map {
                guard let gid = UInt32($0) else { throw RuntimeError(.invalid, "--additional-gids takes numbers") }
                return gid
            }
        }
        guard process.terminal == (arguments["console-socket"] != nil) else {
            throw RuntimeError(.invalid, "a terminal needs --console-socket, and only a terminal may have one")
        }
        return process
    }

    /// Reads the child's messages until the expected one, or with nil until it has executed its program.
    private static func follow(_ socket: Int32, until expected: Handshake?, console: String?) throws {
        while let packet = try PacketSocket.receive(socket) {
            switch Handshake(packet.bytes) {
            case .failed(let error): throw error
            case .terminal:
                guard let master = packet.descriptors.first, let console else { continue }
                defer { _ = close(master) }
                try sendTerminal(master, to: console)
            case let message:
                if message == expected { return }
            }
        }
        if expected != nil {
            throw RuntimeError(.internalError, "the container's init process died before it was ready")
        }
    }

    /// The console socket is a stream socket that receives one descriptor.
    private static func sendTerminal(_ master: Int32, to path: String) throws {
        let client = OwnedFD(try check("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < 108 else { throw RuntimeError(.invalid, "--console-socket: path is too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let raw = client.raw
        try doing("connect to console socket") {
            try check("connect") {
                withUnsafeBytes(of: &address) { apus_connect(raw, $0.baseAddress, socklen_t($0.count)) }
            }
        }
        try PacketSocket.send(raw, Array("/dev/ptmx".utf8), descriptors: [master])
    }

    /// Passes signals on and returns the exit code.
    private static func wait(for pid: Int32) -> Int32 {
        apus_block_signals()
        while true {
            if let (_, status) = ExitStatus.reap(pid) { return status.code }
            var number: Int32 = 0
            guard apus_wait_signal(&number) == 0 else { continue }
            if number != SIGCHLD { _ = Glibc.kill(pid, number) }
        }
    }

    private static func writePid(_ pid: Int32, to path: String?) throws {
        if let path { try TextFile.replace(path, with: Array(String(pid).utf8), mode: 0o644) }
    }

    private static func absolute(_ path: String) throws -> String {
        guard let name = realpath(path, nil) else { throw Errno(call: "bundle \(path)") }
        defer { free(name) }
        return String(cString: name)
    }
}
