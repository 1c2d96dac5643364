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
    private var isBroken = false
    /// What chunk headers cost beyond what is usual: endless extensions in tiny chunks are an attack.
    private var chunkOverhead = 0
    /// Called before the first byte of a body whose client waits for `100 Continue`.
    private var beforeBody: (@Sendable () async throws -> Void)?

    private enum Body {
        case none
        case length(Int)
        case chunk(left: Int)
        case chunkHeader
    }

    /// An unread rest of a body up to this size is thrown away to keep the connection.
    static let discardLimit = 256 << 10
    private static let lineLimit = 4 << 10
    private static let chunkOverheadLimit = 16 << 10

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.inbound = inbound }

    /// The head of the next request; nil when the client has ended the connection between requests.
    func head() async throws -> RequestHead? {
        var scanned = 0
        while true {
            // Empty lines before a request are skipped (RFC 9112, 2.2).
            while scanned == 0, start + 1 < buffer.count, buffer[start] == 13, buffer[start + 1] == 10 { start += 2 }
            if start < buffer.count, buffer[start] != 13, !buffer[start].isTokenCharacter {
                throw HTTPParseError.badRequest("malformed HTTP request")
            }
            let end = try endOfHead(&scanned)
            guard (end ?? buffer.count) - start <= RequestHead.byteLimit else {
                throw HTTPParseError(status: 431, "request header fields too large")
            }
            if let end {
                let head = try RequestHead(parsing: buffer[start..<end])
                start = end + 4
                switch head.framing {
                case .none: body = .none
                case .length(let length): body = .length(length)
                case .chunked: body = .chunkHeader
                }
                chunkOverhead = 0
                return head
            }
            guard try await fill() else {
                if buffer.count == start { return nil }
                throw HTTPParseError.badRequest("unexpected EOF")
            }
        }
    }

    /// Looks on from where the last look ended.
    private func endOfHead(_ scanned: inout Int) throws -> Int? {
        guard buffer.count - start >= 2 else { return nil }
        while start + scanned < buffer.count {
            let index = start + scanned
            if buffer[index] == 10 {
                guard index > start, buffer[index - 1] == 13 else {
                    throw HTTPParseError.badRequest("malformed line end")
                }
                if index - start > 3, buffer[index - 2] == 10 { return index - 3 }
            }
            scanned += 1
        }
        return nil
    }

    func onFirstBodyRead(_ action: @escaping @Sendable () async throws -> Void) {
        if !isBodyRead { beforeBody = action }
    }

    /// Whether the connection cannot serve another request once an answer has gone out now: the client was never told to
    /// send its body, the body makes no sense, or too much of it is still to come.
    var mustCloseAfterAnswer: Bool {
        if isBroken || beforeBody != nil { return true }
        return switch body {
        case .none: false
        case .length(let left): left > Self.discardLimit
        case .chunk, .chunkHeader: true
        }
    }

    /// Whether a streamed answer that begins now must be the connection's last.
    var mustCloseAfterStream: Bool { isBroken || beforeBody != nil }

    /// The next piece of the current request's body; what cannot be read is the client's error.
    func bodyChunk() async throws -> [UInt8]? {
        guard !isBroken else { throw EngineError.invalidArgument("malformed request body") }
        do {
            if let action = beforeBody {
                try await action()
                beforeBody = nil
            }
            return try await nextChunk()
        } catch let error as HTTPParseError {
            isBroken = true
            throw EngineError.invalidArgument(error.message)
        }
    }

    private func nextChunk() async throws -> [UInt8]? {
        while true {
            switch body {
            case .none: return nil
            case .length(let left):
                let bytes = try await take(left)
                body = left == bytes.count ? .none : .length(left - bytes.count)
                return bytes
            case .chunk(let left):
                let bytes = try await take(left)
                if left == bytes.count {
                    guard try await line().isEmpty else {
                        throw HTTPParseError.badRequest("malformed chunked encoding")
                    }
                    body = .chunkHeader
                } else {
                    body = .chunk(left: left - bytes.count)
                }
                return bytes
            case .chunkHeader:
                let size = try await chunkSize()
                if size > 0 {
                    body = .chunk(left: size)
                    continue
                }
                try await trailers()
                body = .none
                return nil
            }
        }
    }

    private func chunkSize() async throws -> Int {
        let line = try await line()
        var digits = line.prefix { $0 != UInt8(ascii: ";") }
        while let last = digits.last, last == 32 || last == 9 { digits.removeLast() }
        let text = String(decoding: digits, as: UTF8.self)
        // Int takes signs, which a size must not have.
        guard (1...15).contains(digits.count), !"+-".contains(text.prefix(1)), let size = Int(text, radix: 16) else {
            throw HTTPParseError.badRequest("invalid chunk length")
        }
        chunkOverhead = max(0, chunkOverhead + line.count + 2 - 16 - min(size, 1 << 20) * 2)
        guard chunkOverhead <= Self.chunkOverheadLimit else {
            throw HTTPParseError.badRequest("chunked encoding contains too much non-data")
        }
        return size
    }

    private func trailers() async throws {
        var count = 0
        while try await !line().isEmpty {
            count += 1
            guard count <= RequestHead.fieldLimit else { throw HTTPParseError(status: 400, "too many trailer fields") }
        }
    }

    /// Whether the body was read to its end; if not, up to 256 KiB are thrown away to find out.
    func finishBody() async -> Bool {
        if isBroken || beforeBody != nil { return false }
        var left = Self.discardLimit
        while left > 0, !isBodyRead {
            // A body that cannot be read ends the connection; its answer has gone out.
            guard let chunk = try? await bodyChunk() else { break }
            left -= chunk.count
        }
        return isBodyRead && !isBroken
    }

    private var isBodyRead: Bool {
        if case .none = body { true } else { false }
    }

    /// Throws away what the client still sends, until it closes or `limit` bytes have come.
    func discard(_ limit: Int) async {
        var left = limit - (buffer.count - start)
        buffer = []
        start = 0
        // An error here means that the client has gone, which is what this waits for.
        while left > 0, !isAtEnd, let next = try? await inbound.next() { left -= next.readableBytes }
    }

    /// Bytes of a hijacked connection; nil when the client has closed its side.
    func raw() async throws -> [UInt8]? {
        if start == buffer.count, try await !fill() { return nil }
        let bytes = Array(buffer[start...])
        buffer.removeAll(keepingCapacity: true)
        start = 0
        return bytes
    }

    private func take(_ limit: Int) async throws -> [UInt8] {
        if start == buffer.count, try await !fill() { throw HTTPParseError.badRequest("unexpected EOF") }
        let end = min(buffer.count, start + min(limit, buffer.count - start))
        let bytes = Array(buffer[start..<end])
        start = end
        return bytes
    }

    /// A line of the chunked coding, without its CRLF.
    private func line() async throws -> [UInt8] {
        while true {
            if let end = buffer[start...].firstIndex(of: 10) {
                guard end > start, buffer[end - 1] == 13, end - start <= Self.lineLimit else {
                    throw HTTPParseError.badRequest("malformed chunked encoding")
                }
                let text = Array(buffer[start..<(end - 1)])
                start = end + 1
                return text
            }
            guard buffer.count - start < Self.lineLimit else {
                throw HTTPParseError.badRequest("malformed chunked encoding")
            }
            guard try await fill() else { throw HTTPParseError.badRequest("unexpected EOF") }
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
