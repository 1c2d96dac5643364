// SPDX-License-Identifier: Apache-2.0
// Requests out of a byte stream: heads, bodies, and whatever follows them untouched.
import NIOCore
import NIOPosix
import Primitives

/// Reads one connection. Bytes behind a request stay here, so that a hijacked connection loses nothing, whether the client
/// announced an upgrade or not.
final class RequestReader: @unchecked Sendable {
    // Unchecked: a connection's one task and the handler it awaits use it, never both at once.
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var buffer: [UInt8] = []
    private var start = 0
    private var body = Body.none
    private var isAtEnd = false
    /// Called before the first byte of a body whose client waits for `100 Continue`.
    private var beforeBody: (@Sendable () async throws -> Void)?

    private enum Body {
        case none
        case length(Int)
        case chunk(left: Int)
        case chunkHeader
    }

    static let headLimit = 64 << 10

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.inbound = inbound }

    struct Head: Sendable {
        var method: String
        var target: String
        var headers: HTTPHeaderFields
        var isVersion10: Bool
    }

    /// The head of the next request; nil when the client has ended the connection between requests.
    func head() async throws -> Head? {
        while true {
            if let end = endOfHead() {
                let text = String(decoding: buffer[start..<end], as: UTF8.self)
                start = end + 4
                return try parse(text)
            }
            guard buffer.count - start <= Self.headLimit else {
                throw HTTPParseError(status: 431, message: "request header fields too large")
            }
            guard try await fill() else {
                if buffer.count == start { return nil }
                throw HTTPParseError(status: 400, message: "unexpected EOF")
            }
        }
    }

    private func endOfHead() -> Int? {
        // Empty lines before a request are skipped (RFC 9112, 2.2).
        while start + 1 < buffer.count, buffer[start] == 13, buffer[start + 1] == 10 { start += 2 }
        guard buffer.count - start >= 4 else { return nil }
        var index = start
        while index + 3 < buffer.count {
            if buffer[index] == 13, buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 {
                return index
            }
            index += 1
        }
        return nil
    }

    private func parse(_ text: String) throws -> Head {
        let bad = HTTPParseError(status: 400, message: "malformed HTTP request")
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst() else { throw bad }
        let words = first.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[0].utf8.allSatisfy({ (65...90).contains($0) }),
            words[2].hasPrefix("HTTP/1."),
            words[1].hasPrefix("/") || words[1] == "*"
        else { throw bad }
        var headers = HTTPHeaderFields()
        guard lines.count <= 200 else { throw bad }
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, !line.hasPrefix(" "),
                !line.hasPrefix("\t"),
                !line[..<colon].contains(" "), !line.utf8.contains(0)
            else { throw bad }
            let value = line[line.index(after: colon)...]
            headers.add(
                String(line[..<colon]),
                String(value.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()))
        }
        try prepareBody(headers)
        return Head(
            method: String(words[0]), target: String(words[1]), headers: headers, isVersion10: words[2] == "HTTP/1.0")
    }

    private func prepareBody(_ headers: HTTPHeaderFields) throws {
        let lengths = headers.fields.filter { $0.name.lowercased() == "content-length" }.map(\.value)
        if let coding = headers["Transfer-Encoding"] {
            // Both would let two readers see two requests (RFC 9112, 6.3).
            guard coding.lowercased() == "chunked", lengths.isEmpty else {
                throw HTTPParseError(status: 400, message: "unsupported transfer encoding")
            }
            body = .chunkHeader
        } else if let text = lengths.first {
            guard Set(lengths).count == 1, let length = Int(text), length >= 0,
                text.utf8.allSatisfy({ (48...57).contains($0) })
            else {
                throw HTTPParseError(status: 400, message: "bad Content-Length")
            }
            body = length == 0 ? .none : .length(length)
        } else {
            body = .none
        }
    }

    func onFirstBodyRead(_ action: @escaping @Sendable () async throws -> Void) { beforeBody = action }

    /// The next piece of the current request's body.
    func bodyChunk() async throws -> [UInt8]? {
        if let action = beforeBody {
            beforeBody = nil
            try await action()
        }
        while true {
            switch body {
            case .none: return nil
            case .length(let left):
                guard let bytes = try await take(left) else {
                    throw HTTPParseError(status: 400, message: "unexpected EOF")
                }
                body = left == bytes.count ? .none : .length(left - bytes.count)
                return bytes
            case .chunk(let left):
                guard let bytes = try await take(left) else {
                    throw HTTPParseError(status: 400, message: "unexpected EOF")
                }
                if left == bytes.count {
                    _ = try await line()
                    body = .chunkHeader
                } else {
                    body = .chunk(left: left - bytes.count)
                }
                return bytes
            case .chunkHeader:
                let text = try await line().prefix { $0 != ";" }
                guard let size = Int(text.trimmingSpaces, radix: 16), size >= 0 else {
                    throw HTTPParseError(status: 400, message: "invalid chunk length")
                }
                if size > 0 {
                    body = .chunk(left: size)
                    continue
                }
                while try await !line().isEmpty {}
                body = .none
                return nil
            }
        }
    }

    /// Whether the body was read to its end; if not, up to 256 KiB are thrown away to find out.
    func finishBody() async -> Bool {
        beforeBody = nil
        var left = 256 << 10
        while left > 0, !isBodyRead {
            // A body that cannot be read ends the connection, which the answer says.
            guard let chunk = try? await bodyChunk() else { break }
            left -= chunk.count
        }
        return isBodyRead
    }

    private var isBodyRead: Bool {
        if case .none = body { true } else { false }
    }

    /// Bytes of a hijacked connection; nil when the client has closed its side.
    func raw() async throws -> [UInt8]? {
        if start == buffer.count, try await !fill() { return nil }
        let bytes = Array(buffer[start...])
        buffer.removeAll(keepingCapacity: true)
        start = 0
        return bytes
    }

    private func take(_ limit: Int) async throws -> [UInt8]? {
        if start == buffer.count, try await !fill() { return nil }
        let end = min(buffer.count, start + limit)
        let bytes = Array(buffer[start..<end])
        start = end
        return bytes
    }

    private func line() async throws -> String {
        while true {
            if let end = buffer[start...].firstIndex(of: 10) {
                var text = buffer[start..<end]
                if text.last == 13 { text = text.dropLast() }
                start = end + 1
                return String(decoding: text, as: UTF8.self)
            }
            guard buffer.count - start < 8192, try await fill() else {
                throw HTTPParseError(status: 400, message: "malformed chunked encoding")
            }
        }
    }

    private func fill() async throws -> Bool {
        if isAtEnd { return false }
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        guard let next = try await inbound.next() else {
            isAtEnd = true
            return false
        }
        buffer.append(contentsOf: next.readableBytesView)
        return true
    }
}

/// A request that cannot be understood; the connection ends after the answer.
struct HTTPParseError: Error {
    let status: Int
    let message: String
}

extension StringProtocol {
    fileprivate var trimmingSpaces: String { String(filter { $0 != " " && $0 != "\t" }) }
}
