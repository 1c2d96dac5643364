// SPDX-License-Identifier: Apache-2.0
// Answering one request: whole, streamed, or by taking the connection over.
import NIOCore
import NIOPosix
import Primitives

/// Sends the answer of one request. Exactly one of `send`, a `stream` and `hijack` is called.
package final class HTTPResponder: @unchecked Sendable {
    // Unchecked: the one handler of the request uses it, one call after another.
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let reader: RequestReader
    private let watch: ConnectionWatch
    private let isHead: Bool
    private let isVersion10: Bool
    private let common: [(String, String)]
    package private(set) var isStarted = false
    private(set) var mustClose = false
    private(set) var isHijacked = false
    private var isChunked = false

    init(
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, reader: RequestReader, watch: ConnectionWatch,
        isHead: Bool, isVersion10: Bool, common: [(String, String)]
    ) {
        self.outbound = outbound
        self.reader = reader
        self.watch = watch
        self.isHead = isHead
        self.isVersion10 = isVersion10
        self.common = common
    }

    /// A whole answer. HEAD gets the header fields alone.
    package func send(_ status: Int, _ headers: [(String, String)] = [], body: [UInt8] = []) async throws {
        isStarted = true
        if reader.mustCloseAfterAnswer || watch.isClosing { mustClose = true }
        var text = head(status, headers)
        let hasBody = status != 204 && status != 304 && status >= 200
        if hasBody, !headers.contains(where: { $0.0 == "Content-Length" }) {
            text += "Content-Length: \(body.count)\r\n"
        }
        if mustClose { text += "Connection: close\r\n" }
        text += "\r\n"
        var buffer = ByteBuffer(string: text)
        if hasBody, !isHead { buffer.writeBytes(body) }
        try await outbound.write(buffer)
    }

    /// Starts an answer of unknown length. Its head is sent at once.
    package func stream(_ status: Int, _ headers: [(String, String)]) async throws {
        isStarted = true
        if reader.mustCloseAfterStream || watch.isClosing { mustClose = true }
        var text = head(status, headers)
        isChunked = !isVersion10
        if isChunked { text += "Transfer-Encoding: chunked\r\n" } else { mustClose = true }
        if mustClose { text += "Connection: close\r\n" }
        try await outbound.write(ByteBuffer(string: text + "\r\n"))
    }

    /// Starts an answer whose length is known; `write` must bring exactly as much.
    package func stream(_ status: Int, _ headers: [(String, String)], length: Int64) async throws {
        isStarted = true
        if reader.mustCloseAfterStream || watch.isClosing { mustClose = true }
        var text = head(status, headers) + "Content-Length: \(length)\r\n"
        if mustClose { text += "Connection: close\r\n" }
        try await outbound.write(ByteBuffer(string: text + "\r\n"))
    }

    /// The next piece of a streamed answer; suspends while the client is slow, throws when it has gone.
    package func write(_ bytes: [UInt8]) async throws {
        if bytes.isEmpty || isHead { return }
        var buffer = ByteBuffer()
        if isChunked {
            buffer.writeString(String(bytes.count, radix: 16) + "\r\n")
            buffer.writeBytes(bytes)
            buffer.writeString("\r\n")
        } else {
            buffer.writeBytes(bytes)
        }
        try await outbound.write(buffer)
    }

    /// The end of a streamed answer.
    package func finish() async throws {
        if isChunked, !isHead { try await outbound.write(ByteBuffer(string: "0\r\n\r\n")) }
    }

    /// Ends the connection instead of the answer: the client sees that it is incomplete.
    package func abort() { mustClose = true }

    func closeAfterwards() { mustClose = true }

    /// The answer ends only when something happens (events, an exit): a shutdown of the server does not wait for it.
    package func markEndless() { watch.markEndless() }

    /// The connection is going to be hijacked: a client that closes its side stays.
    package func allowHalfClose() { watch.allowHalfClose() }

    /// Takes the connection over: a head without a length, then bytes in both directions until both sides are closed.
    package func hijack(_ status: Int, _ headers: [(String, String)]) async throws -> RawConnection {
        isStarted = true
        isHijacked = true
        watch.allowHalfClose()
        try await outbound.write(ByteBuffer(string: head(status, headers) + "\r\n"))
        return RawConnection(reader: reader, watch: watch, outbound: outbound)
    }

    func sendContinue() async throws {
        // The client has its final answer and will not send the body any more.
        guard !isStarted else { throw HTTPParseError.badRequest("the request body was not sent") }
        try await outbound.write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
    }

    private func head(_ status: Int, _ headers: [(String, String)]) -> String {
        var text = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        for (name, value) in common + headers { text += "\(name): \(value)\r\n" }
        return text
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 101: "UPGRADED"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 409: "Conflict"
        case 413: "Request Entity Too Large"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 507: "Insufficient Storage"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}

/// A connection that no longer speaks HTTP.
package final class RawConnection: Sendable {
    private let reader: RequestReader
    private let watch: ConnectionWatch
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    init(
        reader: RequestReader, watch: ConnectionWatch, outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.reader = reader
        self.watch = watch
        self.outbound = outbound
    }

    /// What the client sent; nil once it has closed its side. Output may go on.
    package func read() async throws -> [UInt8]? { try await reader.raw() }

    package func write(_ bytes: [UInt8]) async throws {
        if !bytes.isEmpty { try await outbound.write(ByteBuffer(bytes: bytes)) }
    }

    /// Closes this side once the client has got everything.
    package func finish() async throws {
        try await watch.flush()
        outbound.finish()
    }
}
