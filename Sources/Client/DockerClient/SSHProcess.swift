// SPDX-License-Identifier: Apache-2.0
// ssh:// endpoints: one `ssh … apus (or docker) system dial-stdio` per connection, its stdio bound to a socket pair.
import Glibc
import Linux

/// A running ssh program whose standard input and output are the other end of `descriptor`.
final class SSHProcess {
    let descriptor: Int32
    private let pid: pid_t

    init(user: String?, host: String, port: String?, path: String) throws(ClientError) {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw .transport("socketpair: \(Errno.message(errno))")
        }
        var arguments = ["ssh", "-o", "ConnectTimeout=30", "-T"]
        if let user { arguments += ["-l", user] }
        if let port { arguments += ["-p", port] }
        arguments += ["--", host, SSHProcess.command(path)]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pair[1], 0)
        posix_spawn_file_actions_adddup2(&actions, pair[1], 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: ^C in the terminal is for the container, not for the tunnel.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var child: pid_t = 0
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        let status = posix_spawnp(&child, "ssh", &actions, &attributes, &pointers, environ)
        for pointer in pointers { free(pointer) }
        close(pair[1])
        guard status == 0 else {
            close(pair[0])
            throw .transport("cannot run ssh: \(Errno.message(status))")
        }
        descriptor = pair[0]
        pid = child
    }

    /// What the other machine's shell runs: whichever client it has carries the bytes to its daemon.
    static func command(_ path: String) -> String {
        let quoted = "'" + Text.replacing("unix://" + path, "'", with: "'\\''") + "'"
        let words = (path.isEmpty || path == "/" ? "" : " --host \(quoted)") + " system dial-stdio"
        return "if command -v apus >/dev/null 2>&1; then exec apus\(words); else exec docker\(words); fi"
    }

    deinit {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}
