// SPDX-License-Identifier: Apache-2.0
// How an ordinary user's daemon comes into namespaces where it may do what a daemon must: user_namespaces(7).
import CLinux
import Engine
import Glibc
import Linux
import Primitives

/// The namespaces belong to a small program, the holder, which stays as long as containers do: a daemon that was killed finds
/// them again. slirp4netns connects their network to the machine's. All of this happens while the process has one thread.
struct RootlessStart {
    let rootless: Rootless
    let configuration: DaemonConfiguration
    /// With apus-runtime.
    let programs: String

    private var folder: String { configuration.rootlessFolder }

    /// Enters the namespaces and runs this program again there. Returns only by throwing.
    func enter() throws -> Never {
        try checkSession()
        try TextFile.makeFolders(folder, mode: 0o700)
        let lock = try OwnedFD.open(folder + "/lock", O_RDWR | O_CREAT, mode: 0o600)
        while flock(lock.raw, LOCK_EX) != 0, errno == EINTR {}
        let group = ownControlGroup()
        let holder = try RootlessHolder(folder: folder).find() ?? make()
        guard apus_holder_enter(holder) == 0 else {
            throw EngineError.internalError("cannot enter the namespaces of process \(holder): \(Errno.message(errno))")
        }
        setenv(Rootless.marker, "\(rootless.user):\(rootless.group)" + (group.map { ":" + $0 } ?? ""), 1)
        // By its name, which is the process's, too: others know the daemon by it.
        let program = try Daemon.program()
        _ = withWords(CommandLine.arguments) { execv(program, $0) }
        throw EngineError.internalError("cannot run apusd again: \(Errno.message(errno))")
    }

    private func checkSession() throws {
        guard let runtime = rootless.runtimeFolder ?? Self.usual(rootless.user) else {
            throw EngineError.invalidArgument(
                "XDG_RUNTIME_DIR is not set and /run/user/\(rootless.user) does not exist: log in, or set it to a folder of "
                    + "your own that ends with your session")
        }
        guard access(runtime, W_OK | X_OK) == 0 else {
            throw EngineError.invalidArgument("XDG_RUNTIME_DIR \(runtime): \(Errno.message(errno))")
        }
        let limit = ((try? TextFile.text("/proc/sys/user/max_user_namespaces")) ?? "1").filter(\.isNumber)
        guard limit != "0" else {
            throw EngineError.invalidArgument(
                "user namespaces are off on this machine. As root: sysctl user.max_user_namespaces=28633")
        }
        guard access("/dev/net/tun", R_OK | W_OK) == 0 else {
            throw EngineError.invalidArgument(
                "/dev/net/tun: \(Errno.message(errno)). The network needs it. As root: modprobe tun; chmod 0666 /dev/net/tun"
            )
        }
    }

    private static func usual(_ user: UInt32) -> String? {
        access("/run/user/\(user)", W_OK) == 0 ? "/run/user/\(user)" : nil
    }

    /// Makes the namespaces, maps their users, connects their network.
    private func make() throws -> Int32 {
        let name = getpwuid(rootless.user).map { String(cString: $0.pointee.pw_name) } ?? String(rootless.user)
        let mappings = try rootless.mappings(
            users: (try? TextFile.text("/etc/subuid")) ?? "", groups: (try? TextFile.text("/etc/subgid")) ?? "",
            name: name)
        let userTool = try Self.tool("newuidmap", package: "uidmap")
        let groupTool = try Self.tool("newgidmap", package: "uidmap")
        let slirp = try Self.tool("slirp4netns", package: "slirp4netns")
        let resolver = folder + "/resolv.conf"
        try TextFile.replace(resolver, with: Array(Self.resolverText().utf8), mode: 0o644)

        // slirp4netns ends when the holder does: that has the other end of this pipe.
        var ends: [Int32] = [-1, -1]
        try check("pipe2") { pipe2(&ends, O_CLOEXEC) }
        let ending = OwnedFD(ends[0])
        let kept = OwnedFD(ends[1])
        var control: Int32 = -1
        var step: UnsafePointer<CChar>?
        let keep = kept.raw
        let holder = withWords(["apus-runtime", "hold"]) {
            apus_holder_start(programs + "/apus-runtime", $0, resolver, keep, &control, &step)
        }
        guard holder > 0 else { throw Self.failure(step) }
        do {
            for (tool, words) in [(userTool, mappings.users), (groupTool, mappings.groups)] {
                try Self.run(tool, [String(holder)] + words, log: folder + "/map.log")
            }
            guard apus_holder_continue(control, &step) == 0 else { throw Self.failure(step) }
            try startNetwork(slirp, holder: holder, ending: ending.raw)
            try RootlessHolder(folder: folder).remember(holder)
        } catch {
            kill(holder, SIGKILL)
            throw error
        }
        return holder
    }

    private static func failure(_ step: UnsafePointer<CChar>?) -> EngineError {
        let code = errno
        let name = step.map { String(cString: $0) } ?? "namespaces"
        let hint =
            code == EPERM && name.contains("CLONE_NEWUSER") ? " (does this machine let users make namespaces?)" : ""
        return .internalError("cannot make namespaces: \(name): \(Errno.message(code))\(hint)")
    }

    private func startNetwork(_ program: String, holder: Int32, ending: Int32) throws {
        var ends: [Int32] = [-1, -1]
        try check("pipe2") { pipe2(&ends, O_CLOEXEC) }
        let ready = OwnedFD(ends[0])
        let told = OwnedFD(ends[1])
        let socket = folder + "/slirp4netns.sock"
        guard socket.utf8.count < 108 else {
            throw EngineError.invalidArgument("\(socket) is too long for a socket: choose a shorter --exec-root")
        }
        unlink(socket)
        let log = try OwnedFD.open(folder + "/slirp4netns.log", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        let arguments = [
            program, "--configure", "--mtu=65520", "--disable-host-loopback", "--api-socket", socket, "--ready-fd=3",
            "--exit-fd=4", String(holder), "tap0",
        ]
        var process: pid_t = 0
        let map: [Int32] = [told.raw, 3, ending, 4, log.raw, 1, log.raw, 2, -1, -1]
        let code = withWords(arguments) { argv in
            withWords(["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) { apus_spawn(&process, program, argv, $0, map, 1) }
        }
        guard code == 0 else { throw Errno(call: "posix_spawn \(program)", code: code) }
        _ = consume told
        var watched = pollfd(fd: ready.raw, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        guard poll(&watched, 1, 20_000) > 0, read(ready.raw, &byte, 1) == 1 else {
            kill(process, SIGKILL)
            let words = ((try? TextFile.text(folder + "/slirp4netns.log")) ?? "").split(separator: "\n").suffix(3)
            throw EngineError.internalError("slirp4netns gave no network: \(words.joined(separator: "; "))")
        }
    }

    /// slirp4netns answers for the machine's name servers, whose own addresses may be loopback ones.
    private static func resolverText() -> String {
        let host = (try? TextFile.text("/etc/resolv.conf")) ?? ""
        let kept = host.split(separator: "\n").filter { $0.hasPrefix("search") || $0.hasPrefix("options") }
        return (["nameserver 10.0.2.3"] + kept.map(String.init)).joined(separator: "\n") + "\n"
    }

    private static func tool(_ name: String, package: String) throws -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":") + ["/usr/bin", "/usr/sbin", "/usr/local/bin"] {
            if access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
        }
        throw EngineError.notFound(
            "\(name) is not installed, a rootless daemon needs it. As root: apt-get install \(package)")
    }

    private static func run(_ program: String, _ arguments: [String], log path: String) throws {
        let log = try OwnedFD.open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        var process: pid_t = 0
        let map: [Int32] = [log.raw, 1, log.raw, 2, -1, -1]
        let code = withWords([program] + arguments) { argv in
            withWords(["LC_ALL=C"]) { apus_spawn(&process, program, argv, $0, map, 0) }
        }
        guard code == 0 else { throw Errno(call: "posix_spawn \(program)", code: code) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            let words = ((try? TextFile.text(path)) ?? "").split(separator: "\n").joined(separator: "; ")
            throw EngineError.internalError("\(program) \(arguments.joined(separator: " ")) failed: \(words)")
        }
    }
}

/// A null-terminated vector of C strings for the time of `body`.
func withWords<T>(_ words: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> T) -> T {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with one element has an address") }
        return body(base)
    }
}
