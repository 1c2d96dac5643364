// SPDX-License-Identifier: Apache-2.0
// `exec`: another process in a running container.
import DockerClient
import Glibc
import JSON

/// `apus exec`.
enum ExecCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        let (tty, interactive, detached) = (flags.bool("tty"), flags.bool("interactive"), flags.bool("detach"))
        let name = call.operands[0]
        let keys =
            flags.string("detach-keys").isEmpty
            ? call.settings.configuration()["detachKeys"]?.string ?? "" : flags.string("detach-keys")
        guard let sequence = DetachKeys.parse(keys) else { throw CommandError("invalid detach keys (\(keys))") }
        let variables = try VariableFile.environment(flags, call.settings.environment)
        let client = try call.client()
        // Whether the container exists is told before what is wrong with the caller's terminal.
        if !detached {
            try client.perform("GET", "/containers/\(URLText.path(name))/json")
            if tty, interactive, !call.console.inputIsTerminal { throw CommandError("the input device is not a TTY") }
        }
        var request: JSONObject = [
            "User": .string(flags.string("user")), "Privileged": .bool(flags.bool("privileged")), "Tty": .bool(tty),
        ]
        if tty, let size = Console.size(of: 1) {
            request["ConsoleSize"] = [.int(Int64(size.rows)), .int(Int64(size.columns))]
        }
        request["AttachStdin"] = .bool(interactive && !detached)
        request["AttachStderr"] = .bool(!detached)
        request["AttachStdout"] = .bool(!detached)
        request["DetachKeys"] = .string(keys)
        request["Env"] = .array(variables.map { .string($0) })
        request["WorkingDir"] = .string(flags.string("workdir"))
        request["Cmd"] = .array(call.operands.dropFirst().map { .string($0) })
        let answer = try client.json("POST", "/containers/\(URLText.path(name))/exec", body: .json(.object(request)))
        guard let id = answer["Id"]?.string, !id.isEmpty else { throw CommandError("exec ID empty") }
        var begin: JSONObject = ["Detach": .bool(detached), "Tty": .bool(tty)]
        if let size = request["ConsoleSize"] { begin["ConsoleSize"] = size }
        if detached {
            try client.perform("POST", "/exec/\(id)/start", body: .json(.object(begin)))
            return 0
        }
        let stream = try client.hijack("/exec/\(id)/start", body: .json(.object(begin)))
        var options = StreamSession.Options()
        options.tty = tty
        options.stdin = interactive
        options.detachKeys = sequence
        if tty, call.console.outputIsTerminal {
            options.resize = { columns, rows in
                // An exec that ended has no size any more.
                try? client.perform("POST", "/exec/\(id)/resize", query: [("h", String(rows)), ("w", String(columns))])
            }
        }
        if try StreamSession(stream, options: options, console: call.console).run() == .detached {
            throw CommandError("read escape sequence")
        }
        call.console.flush()
        return Int32(truncatingIfNeeded: try client.json("GET", "/exec/\(id)/json")["ExitCode"]?.int ?? 0)
    }
}
