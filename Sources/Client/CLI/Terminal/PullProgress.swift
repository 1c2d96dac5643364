// SPDX-License-Identifier: Apache-2.0
// The daemon's progress messages: a line per layer that is redrawn on a terminal, plain lines elsewhere.
import DockerClient
import JSON
import Primitives

/// Prints a stream of JSON messages.
struct PullProgress {
    private let isTerminal: Bool
    private let write: (String) -> Void
    private var lines: [String: Int] = [:]
    private var count = 0
    private let columns: Int

    /// `write` receives what is to be shown (standard output, or standard error for the pull of `run`).
    init(isTerminal: Bool, columns: Int, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.columns = columns
        self.write = write
    }

    /// Shows all messages of a response; an error message in the stream is thrown. `auxiliary` sees `aux` objects.
    mutating func show(_ response: HTTPResponse, auxiliary: (JSONValue) -> Void = { _ in }) throws {
        var messages = JSONLines(response)
        while let message = try messages.next() {
            if let text = message["errorDetail"]?["message"]?.string ?? message["error"]?.string {
                throw CommandError(text)
            }
            if let aux = message["aux"] {
                auxiliary(aux)
                continue
            }
            show(message)
        }
    }

    mutating func show(_ message: JSONValue) {
        if let stream = message["stream"]?.string { return write(stream) }
        guard let status = message["status"]?.string else { return }
        let id = message["id"]?.string ?? ""
        let detail = message["progressDetail"]
        let progress = detail.flatMap { PullProgress.bar($0, columns: columns, isTerminal: isTerminal) } ?? ""
        if !isTerminal {
            // Without a terminal only changes of state are worth a line.
            if !progress.isEmpty { return }
            return write((id.isEmpty ? "" : id + ": ") + status + "\n")
        }
        guard !id.isEmpty, detail != nil || lines[id] != nil else {
            lines = [:]
            count = 0
            return write((id.isEmpty ? "" : id + ": ") + status + "\n")
        }
        var up = 0
        if let line = lines[id] {
            up = count - line
        } else {
            lines[id] = count
            count += 1
            write("\n")
            up = 1
        }
        write("\u{1B}[\(up)A\u{1B}[2K\r\(id): \(status)" + " " + progress + "\r\u{1B}[\(up)B")
    }

    /// `[====>      ]  12.3MB/29.1MB`, nothing while no size is known.
    static func bar(_ detail: JSONValue, columns: Int, isTerminal: Bool) -> String? {
        let current = detail["current"]?.int ?? 0
        let total = detail["total"]?.int ?? 0
        guard current > 0 || total > 0 else { return nil }
        if let units = detail["units"]?.string, !units.isEmpty {
            return "\(current)\(total > 0 ? "/\(total)" : "") \(units)"
        }
        let shown = SizeText.long(current)
        guard total > 0 else { return pad(shown, 8) }
        var result = ""
        if columns > 110 {
            let filled = Int(min(50, Double(current) / Double(total) * 50))
            result =
                "[" + String(repeating: "=", count: filled) + ">"
                + String(repeating: " ", count: max(0, 50 - filled)) + "] "
        }
        result += current <= total ? "\(pad(shown, 8))/\(SizeText.long(total))" : pad(shown, 8)
        return result
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }
}

/// A stream of JSON documents, one after the other.
struct JSONLines {
    private let response: HTTPResponse
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ response: HTTPResponse) { self.response = response }

    mutating func next() throws -> JSONValue? {
        while true {
            if let newline = buffer[start...].firstIndex(of: 10) {
                let line = buffer[start..<newline]
                start = newline + 1
                if line.allSatisfy({ Text.isSpace($0) }) { continue }
                do { return try JSONValue.parse(line) } catch {
                    throw CommandError("invalid message of the daemon: \(error)")
                }
            }
            if start > 0 {
                buffer.removeFirst(start)
                start = 0
            }
            guard let bytes = try response.read() else {
                guard !buffer.allSatisfy({ Text.isSpace($0) }) else { return nil }
                defer { buffer = [] }
                if let value = try? JSONValue.parse(buffer) { return value }
                // Documents that follow each other without a newline.
                return try split()
            }
            buffer += bytes
            if let value = try? JSONValue.parse(buffer[start...]) {
                start = buffer.count
                return value
            }
        }
    }

    private func split() throws -> JSONValue? {
        throw CommandError("unexpected EOF in the daemon's messages")
    }
}
