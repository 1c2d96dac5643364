// SPDX-License-Identifier: Apache-2.0
// Where the command line tells what it did: stderr, or the file of --log, as text or JSON lines.
import Glibc
import JSON
import Linux
import Primitives

/// The log of one call. containerd, Docker and others read the reason of a failure from it.
struct CommandLog {
    enum Format: String { case text, json }

    private let path: String?
    private let format: Format
    private let isDebug: Bool

    init(path: String?, format: String?, isDebug: Bool) throws {
        self.path = path.flatMap { $0.isEmpty ? nil : $0 }
        guard let format = Format(rawValue: format.flatMap { $0.isEmpty ? nil : $0 } ?? "text") else {
            throw RuntimeError(.invalid, "invalid log-format: \(format ?? "")")
        }
        self.format = format
        self.isDebug = isDebug
        // Who gives a file reads it, however little there was to say.
        if let path = self.path { _ = try doing("unable to open log") { try Self.open(path) } }
    }

    func debug(_ message: String) {
        if isDebug { write("debug", message) }
    }

    func warn(_ message: String) { write("warning", message) }

    /// With a log file the plain message goes to stderr as well.
    func error(_ message: String) {
        write("error", message)
        if path != nil { Self.print(message + "\n") }
    }

    private func write(_ level: String, _ message: String) {
        let time = Timestamp(seconds: Timestamp.now().seconds).rfc3339Nano
        let line: String
        switch format {
        case .json:
            let value: JSONValue = ["level": .string(level), "msg": .string(message), "time": .string(time)]
            line = value.text() + "\n"
        case .text: line = "time=\"\(time)\" level=\(level) msg=\(Self.quoted(message))\n"
        }
        guard let path else { return Self.print(line) }
        // A log that cannot be written must not stop a container.
        guard let file = try? Self.open(path) else { return Self.print(line) }
        try? TextFile.write(line, to: file.raw, name: path)
    }

    private static func open(_ path: String) throws -> OwnedFD {
        try OwnedFD.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    }

    private static func print(_ text: String) { _ = Glibc.write(2, text, text.utf8.count) }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || Array("-._/@^+".utf8).contains($0)
        }
        return plain && !text.isEmpty ? text : JSONValue.string(text).text()
    }
}
