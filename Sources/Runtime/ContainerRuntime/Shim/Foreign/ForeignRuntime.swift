// SPDX-License-Identifier: Apache-2.0
// Another OCI runtime (runc, crun …) by its command line: one call is one child of the shim, whose end the shim hears.
import CLinux
import Glibc
import JSON
import Linux

/// The program to call, as `runtimes` of daemon.json names it.
package struct ForeignProgram: Sendable, Equatable {
    package var name: String
    package var path: String
    package var arguments: [String]
}

/// Calls the program for one container. Its state is below the run folder, its log of each call in a file of that call's own.
final class ForeignRuntime {
    typealias Completion = (RuntimeError?) -> Void

    let program: ForeignProgram
    let containerID: String
    let folder: String
    private var calls: [Int32: (command: String, log: String, then: Completion)] = [:]
    /// Ended children nobody knows yet: a process may end before its maker has told its number.
    private var unknown: [Int32: ExitStatus] = [:]
    private var count = 0
    private static let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]

    init(_ program: ForeignProgram, containerID: String, folder: String) {
        self.program = program
        self.containerID = containerID
        self.folder = folder
    }

    /// A file name in the run folder that no other call has.
    func fileName(_ kind: String) -> String {
        count += 1
        return "\(folder)/foreign-\(kind)-\(count)"
    }

    /// Spawns the program; `then` hears how the call ended, from `ended`. Streams left out are /dev/null.
    func call(
        _ command: String, _ arguments: [String], streams: StandardStreams = .terminal, then: @escaping Completion
    ) {
        let log = fileName("log")
        do { calls[try spawn(command, arguments, streams, log: log)] = (command, log, then) } catch {
            then(RuntimeError(error))
        }
    }

    /// Calls and waits, for the shim's own end.
    func callNow(_ command: String, _ arguments: [String], seconds: Int32) {
        let log = fileName("log")
        defer { _ = unlink(log) }
        // Without the program the control group is emptied by the caller.
        guard let pid = try? spawn(command, arguments, .terminal, log: log) else { return }
        let pidfd = apus_pidfd_open(pid, 0)
        if pidfd >= 0 {
            var watched = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
            if poll(&watched, 1, seconds * 1000) <= 0 { _ = kill(pid, SIGKILL) }
            _ = close(pidfd)
        }
        _ = ExitStatus.reap(pid, waiting: true)
    }

    private func spawn(
        _ command: String, _ arguments: [String], _ streams: StandardStreams, log: String
    ) throws -> Int32 {
        var map: [Int32] = []
        if case .descriptors(let input, let output, let error) = streams { map = [input, 0, output, 1, error, 2] }
        map.append(-1)
        let words =
            [program.path] + program.arguments
            + ["--root", folder + "/runtime", "--log", log, "--log-format", "json", command] + arguments
        var pid: Int32 = 0
        let code = withStringArray(words) { arguments in
            withStringArray(Self.environment) { variables in
                apus_spawn(&pid, program.path, arguments, variables, map, 0)
            }
        }
        guard code == 0 else {
            throw RuntimeError(.internalError, "cannot run \(program.path): \(Errno.message(code))")
        }
        return pid
    }

    /// A child has ended: true when it was a call.
    func ended(_ pid: Int32, _ status: ExitStatus) -> Bool {
        guard let call = calls.removeValue(forKey: pid) else {
            // Only while somebody may still ask; a container makes orphans without end.
            if !calls.isEmpty, unknown.count < 4096 { unknown[pid] = status }
            return false
        }
        let said = Self.message(log: call.log)
        _ = unlink(call.log)
        if status.code == 0 {
            call.then(nil)
        } else {
            let text = said ?? "\(program.name) \(call.command) failed with exit code \(status.code)"
            call.then(ForeignMessage.error(text))
        }
        if calls.isEmpty { unknown = [:] }
        return true
    }

    /// How a process ended that has just been learned of; nil while it runs.
    func takeEnd(of pid: Int32) -> ExitStatus? { unknown.removeValue(forKey: pid) }

    /// The last error line of a JSON log.
    private static func message(log: String) -> String? {
        guard let bytes = try? TextFile.bytes(log, limit: 1 << 20) else { return nil }
        for line in bytes.split(separator: 10).reversed() {
            guard let json = try? JSONValue.parse(Array(line)), json["level"]?.string == "error" else { continue }
            if let text = json["msg"]?.string { return text }
        }
        return nil
    }

    /// The number a runtime wrote into its `--pid-file`.
    static func pid(file: String) throws -> Int32 {
        defer { _ = unlink(file) }
        let text = try TextFile.text(file)
        guard let pid = Int32(text.filter { !$0.isWhitespace }), pid > 1 else {
            throw RuntimeError(.internalError, "the runtime wrote no process id: \(text.prefix(32))")
        }
        return pid
    }
}

/// What runtimes say when a program cannot be started; only their words tell why.
package enum ForeignMessage {
    package static func error(_ text: String) -> RuntimeError {
        var message = text[...]
        for prefix in ["unable to start container process: ", "error during container init: "] {
            if let range = message.firstRange(of: prefix) { message = message[range.upperBound...] }
        }
        let lower = text.lowercased()
        let kind: RuntimeError.Kind =
            if lower.contains("no such file or directory")
                || (lower.contains("executable file") && lower.contains("not found"))
            {
                .notFound
            } else if ["permission denied", "is a directory", "exec format error"].contains(where: lower.contains) {
                .notExecutable
            } else if lower.contains("not running") || lower.contains("does not exist")
                || lower.contains("already finished")
            {
                .notFound
            } else {
                .internalError
            }
        // Clients tell their exit codes by these words, as Go writes them.
        var told = String(message)
        for said in ["No such file or directory", "Permission denied", "Is a directory"] {
            told = told.replacing(said, with: said.prefix(1).lowercased() + said.dropFirst())
        }
        return RuntimeError(kind, told)
    }
}
