// SPDX-License-Identifier: Apache-2.0
// The answer to one request: status, headers, and a body that is read as it arrives.
package import JSON

/// A response whose body is still on the connection. Reading it to the end gives the connection back to its client.
package final class HTTPResponse {
    package let status: Int
    package let headers: [(name: String, value: String)]
    package let connection: Connection
    private var framing: Framing
    private let onEnd: (Connection) -> Void

    private enum Framing {
        case length(Int)
        case chunk(remaining: Int)
        case untilClose
        case done
    }

    init(
        on connection: Connection, method: String, onEnd: @escaping (Connection) -> Void
    ) throws(ClientError) {
        self.connection = connection
        self.onEnd = onEnd
        guard let statusLine = try connection.readLine() else {
            throw .transport("the daemon closed the connection without an answer")
        }
        let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let code = Int(parts[1]) else {
            throw .transport("malformed HTTP response \"\(statusLine)\"")
        }
        status = code
        var fields: [(name: String, value: String)] = []
        while let line = try connection.readLine(), !line.isEmpty {
            guard let (name, value) = Text.cut(line, ":") else { continue }
            fields.append((name.lowercased(), Text.trimmed(value)))
            guard fields.count < 1000 else { throw .transport("the daemon sent too many headers") }
        }
        headers = fields
        func header(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        if method == "HEAD" || code == 204 || code == 304 {
            framing = .done
        } else if code == 101
            || header("content-type") == "application/vnd.docker.raw-stream" && header("content-length") == nil
                && header("transfer-encoding") == nil
        {
            framing = .untilClose
        } else if header("transfer-encoding")?.lowercased().hasSuffix("chunked") == true {
            framing = .chunk(remaining: 0)
        } else if let length = header("content-length").flatMap({ Int($0) }) {
            framing = length == 0 ? .done : .length(length)
        } else {
            framing = .untilClose
        }
        if case .done = framing { finish() }
    }

    /// The stock client says the last two words only.
    private static let lost = ClientError.transport("the connection to the daemon was lost: unexpected EOF")

    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name == wanted }?.value
    }

    /// The next bytes of the body, nil at its end.
    package func read(maximum: Int = 65536) throws(ClientError) -> ArraySlice<UInt8>? {
        switch framing {
        case .done: return nil
        case .untilClose:
            if let bytes = try connection.read(maximum: maximum) { return bytes }
            framing = .done
            connection.close()
            return nil
        case .length(let remaining):
            guard let bytes = try connection.read(maximum: min(remaining, maximum)) else {
                throw HTTPResponse.lost
            }
            framing = remaining == bytes.count ? .done : .length(remaining - bytes.count)
            if remaining == bytes.count { finish() }
            return bytes
        case .chunk(var remaining):
            if remaining == 0 {
                remaining = try nextChunk()
                if remaining == 0 { return nil }
            }
            guard let bytes = try connection.read(maximum: min(remaining, maximum)) else {
                throw HTTPResponse.lost
            }
            remaining -= bytes.count
            if remaining == 0, try connection.readLine() == nil { throw HTTPResponse.lost }
            framing = .chunk(remaining: remaining)
            return bytes
        }
    }

    private func nextChunk() throws(ClientError) -> Int {
        guard let line = try connection.readLine() else { throw HTTPResponse.lost }
        let digits = line.prefix { $0 != ";" && $0 != " " }
        guard let size = Int(digits, radix: 16), size >= 0 else { throw .transport("malformed chunk size \"\(line)\"") }
        if size == 0 {
            while let trailer = try connection.readLine(), !trailer.isEmpty {}
            framing = .done
            finish()
        }
        return size
    }

    /// Whether bytes can be had without waiting (of the raw connection; a chunk header may be among them).
    package var hasBufferedBytes: Bool { connection.bufferedCount > 0 }

    package var isAtEnd: Bool { if case .done = framing { true } else { false } }

    /// The whole body; larger than `limit` is an error.
    package func readAll(limit: Int = 1 << 30) throws(ClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try read() {
            bytes.append(contentsOf: part)
            if bytes.count > limit { throw .transport("the answer of the daemon is larger than \(limit) bytes") }
        }
        return bytes
    }

    /// The body as JSON.
    package func json() throws(ClientError) -> JSONValue {
        let bytes = try readAll()
        do { return try JSONValue.parse(bytes) } catch {
            throw .transport("the daemon sent invalid JSON: \(error)")
        }
    }

    private func finish() {
        if header("connection")?.lowercased() == "close" { connection.close() } else { onEnd(connection) }
    }
}
