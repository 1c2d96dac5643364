// SPDX-License-Identifier: Apache-2.0
// What `run` and `start -a` and `attach` share: attach first, start, copy streams, forward signals, take the exit code.
import DockerClient
import Glibc
import JSON

/// Attached operation of one container.
struct AttachedContainer {
    let client: DockerClient
    let console: Console
    let id: String
    var tty: Bool
    var stdin: Bool
    var stdout = true
    var stderr = true
    var detachKeys = ""
    var proxiesSignals = true
    var logs = false

    private var path: String { "/containers/\(URLText.path(id))" }

    /// Opens the attach stream.
    func attach() throws -> HTTPResponse {
        var query: [(String, String)] = []
        if !detachKeys.isEmpty { query.append(("detachKeys", detachKeys)) }
        if logs { query.append(("logs", "1")) }
        if stderr { query.append(("stderr", "1")) }
        if stdin { query.append(("stdin", "1")) }
        if stdout { query.append(("stdout", "1")) }
        query.append(("stream", "1"))
        return try client.hijack("\(path)/attach", query: query)
    }

    /// Copies until the output ends; `start` is called when everything is in place.
    func copy(_ stream: HTTPResponse, start: () throws -> Void) throws -> StreamSession.Outcome {
        guard let keys = DetachKeys.parse(detachKeys), !keys.isEmpty else {
            throw CommandError("invalid detach keys (\(detachKeys)): Unknown character")
        }
        var options = StreamSession.Options()
        options.tty = tty
        options.stdin = stdin
        options.stdout = stdout
        options.stderr = stderr
        options.detachKeys = keys
        if tty, console.outputIsTerminal {
            options.resize = { columns, rows in
                // A container that ends meanwhile has no size any more; the next poll sees its end.
                try? client.perform("POST", "\(path)/resize", query: [("h", String(rows)), ("w", String(columns))])
            }
        }
        if proxiesSignals {
            options.forward = { signal in
                // As in the stock client a container that is gone already is no error here.
                try? client.perform("POST", "\(path)/kill", query: [("signal", SignalNames.name(signal))])
            }
        }
        return try StreamSession(stream, options: options, console: console).run(afterStart: start)
    }

    /// Asks for the exit code before the container runs; the answer is read with `exitCode`.
    func wait(removed: Bool, nextExit: Bool) throws -> HTTPResponse {
        try client.call(
            "POST", "\(path)/wait", query: [("condition", removed ? "removed" : nextExit ? "next-exit" : "not-running")]
        )
    }

    static func exitCode(_ response: HTTPResponse) throws -> Int32 {
        let answer = try response.json()
        if let message = answer["Error"]?["Message"]?.string, !message.isEmpty {
            throw ExitError(125, "Error waiting for container: \(message)")
        }
        return Int32(truncatingIfNeeded: answer["StatusCode"]?.int ?? 125)
    }
}

/// Names of Linux signals.
enum SignalNames {
    private static let names = [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
        "IO", "PWR",
        "SYS",
    ]

    static func name(_ signal: Int32) -> String {
        names.indices.contains(Int(signal)) && signal > 0 ? names[Int(signal)] : String(signal)
    }
}

extension ExitError {
    /// Docker's exit code for a container that could not be started; the API carries only text.
    init(startFailure error: any Error) {
        if let exit = error as? ExitError {
            self = exit
            return
        }
        let text = "\(error)"
        let missing = [
            "executable file not found", "no such file or directory", "system cannot find the file specified",
        ]
        let denied = [
            "permission denied", "not a directory", "is a directory", "exec format error", "cannot be invoked",
            "not executable",
        ]
        var code: Int32 = 125
        if missing.contains(where: { Text.contains(text, $0) }) {
            code = 127
        } else if denied.contains(where: { Text.contains(text, $0) }) {
            code = 126
        }
        if let client = error as? ClientError, client.status == nil { code = 125 }
        self.init(code, text, showsHint: true)
    }
}
