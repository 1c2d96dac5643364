// SPDX-License-Identifier: Apache-2.0
// A program run to its end with a text on stdin: hooks, ps(1).
import CLinux
import Glibc
import Linux

/// Runs programs of the host (or, in the container's first process, of the container) and collects what they say.
enum ChildProgram {
    struct Result {
        let status: ExitStatus
        let output: String
        let errors: String

        /// In the words of Go's os/exec, which callers look for.
        var failure: String? {
            if status.signal != 0 { return "signal: \(Self.signals[status.signal] ?? String(status.signal))" }
            return status.code == 0 ? nil : "exit status \(status.code)"
        }

        private static let signals: [Int32: String] = [
            SIGKILL: "killed", SIGTERM: "terminated", SIGSYS: "bad system call", SIGSEGV: "segmentation fault",
            SIGABRT: "aborted", SIGINT: "interrupt", SIGHUP: "hangup", SIGPIPE: "broken pipe",
        ]
    }

    /// `timeout` in seconds; a program that takes longer is killed. A name without a slash is looked for in PATH.
    static func run(
        _ program: String, _ arguments: [String], environment: [String]? = nil, input: String = "",
        timeout: Int64? = nil, limit: Int = 64 * 1024
    ) throws -> Result {
        let variables = environment ?? ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        let path = program.contains("/") ? program : try ExecutableLookup.find(program, environment: variables)
        let stdin = try OwnedFD.pipe()
        let stdout = try OwnedFD.pipe()
        let stderr = try OwnedFD.pipe()
        let map: [Int32] = [stdin.reader.raw, 0, stdout.writer.raw, 1, stderr.writer.raw, 2, -1]
        var pid: Int32 = 0
        let code = withStringArray(arguments.isEmpty ? [path] : arguments) { arguments in
            withStringArray(variables) { variables in apus_spawn(&pid, path, arguments, variables, map, 0) }
        }
        guard code == 0 else { throw RuntimeError(.internalError, "fork/exec \(path): \(Errno.message(code))") }
        let previous = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, previous) }
        let (reader, writer) = stdin.release()
        _ = close(reader)
        // A program that does not read its input is not at fault.
        try? TextFile.write(input, to: writer, name: "stdin")
        _ = close(writer)
        let (output, errors) = (stdout.release(), stderr.release())
        _ = close(output.writer)
        _ = close(errors.writer)
        var collector = Collector(descriptors: [output.reader, errors.reader], limit: limit)
        defer { collector.close() }
        guard let status = collector.collect(pid, timeout: timeout) else {
            throw RuntimeError(.internalError, "hook ran past specified timeout of \(timeout ?? 0).0s")
        }
        return Result(status: status, output: collector.text(0), errors: collector.text(1))
    }

    /// Reads both streams until the program has ended; what it left running may keep them open.
    private struct Collector {
        var descriptors: [Int32]
        /// Output beyond this is read and dropped.
        let limit: Int
        var bytes: [[UInt8]] = [[], []]

        init(descriptors: [Int32], limit: Int) {
            self.descriptors = descriptors
            self.limit = limit
        }

        func text(_ index: Int) -> String { String(decoding: bytes[index], as: UTF8.self) }

        mutating func close() { for fd in descriptors where fd >= 0 { _ = Glibc.close(fd) } }

        /// Nil when the time is over.
        mutating func collect(_ pid: Int32, timeout: Int64?) -> ExitStatus? {
            let deadline = timeout.map { Self.now() + $0 * 1000 }
            while true {
                let isOpen = descriptors.contains { $0 >= 0 }
                if let (_, status) = ExitStatus.reap(pid, waiting: !isOpen && deadline == nil) {
                    while readReady(0) {}
                    return status
                }
                if let deadline, Self.now() >= deadline {
                    _ = kill(pid, SIGKILL)
                    _ = ExitStatus.reap(pid, waiting: true)
                    return nil
                }
                if isOpen { _ = readReady(50) } else { usleep(2000) }
            }
        }

        /// False when there was nothing.
        private mutating func readReady(_ milliseconds: Int32) -> Bool {
            guard descriptors.contains(where: { $0 >= 0 }) else { return false }
            var watched = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&watched, nfds_t(watched.count), milliseconds) > 0 else { return false }
            for index in watched.indices where watched[index].revents != 0 {
                var chunk = [UInt8](repeating: 0, count: 8192)
                let count = read(descriptors[index], &chunk, chunk.count)
                if count > 0 {
                    if bytes[index].count < limit { bytes[index] += chunk[..<count] }
                } else if count == 0 {
                    _ = Glibc.close(descriptors[index])
                    descriptors[index] = -1
                }
            }
            return true
        }

        private static func now() -> Int64 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        }
    }
}
