// SPDX-License-Identifier: Apache-2.0
// The life of one connection: request after request, then an end that loses no byte of the last answer.
import JSON
import NIOCore
import NIOPosix

/// Serves one accepted connection.
struct Connection: Sendable {
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    let watch: ConnectionWatch
    let common: [(String, String)]
    let handler: HTTPServer.Handler

    /// What follows an answer.
    private enum Next {
        case request
        case close
        /// Close, but the client may still be writing: closing at once would destroy the answer before it is read.
        case linger
    }

    /// How much and how long a refused client may go on writing before it is cut off.
    private static let lingerLimit = 64 << 20
    private static let lingerTime = TimeAmount.seconds(30)

    func serve() async throws {
        try await channel.executeThenClose { inbound, outbound in
            let reader = RequestReader(inbound.makeAsyncIterator())
            while true {
                switch try await exchange(reader, outbound) {
                case .request: continue
                case .close:
                    // A client that has gone needs nothing more.
                    try? await watch.flush()
                    return
                case .linger: return try await linger(reader, outbound)
                }
            }
        }
    }

    /// One request and its answer.
    private func exchange(
        _ reader: RequestReader, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws -> Next {
        let head: RequestHead
        let query: [(name: String, value: String)]
        let path: Substring
        do {
            guard let next = try await reader.head() else { return .close }
            head = next
            let parts = head.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            path = parts[0]
            guard let pairs = parts.count > 1 ? URLText.query(parts[1]) : [] else {
                throw HTTPParseError.badRequest("invalid URL escape in the query")
            }
            query = pairs
            if let expectation = head.headers["Expect"], expectation.lowercased() != "100-continue" {
                throw HTTPParseError(status: 417, "unsupported expectation")
            }
        } catch let error as HTTPParseError {
            let responder = HTTPResponder(
                outbound: outbound, reader: reader, watch: watch, isHead: false, isVersion10: false, common: common)
            responder.closeAfterwards()
            let message: JSONValue = ["message": .string(error.message)]
            try await responder.send(
                error.status, [("Content-Type", "application/json")], body: message.serialize() + [10])
            return .linger
        }
        let responder = HTTPResponder(
            outbound: outbound, reader: reader, watch: watch, isHead: head.method == "HEAD",
            isVersion10: head.isVersion10, common: common)
        if head.isVersion10 || head.headers.hasToken("Connection", "close") { responder.closeAfterwards() }
        if !head.isVersion10, head.headers["Expect"] != nil {
            reader.onFirstBodyRead { try await responder.sendContinue() }
        }
        let request = HTTPRequest(
            method: head.method, rawPath: String(path), query: query, headers: head.headers,
            body: { try await reader.bodyChunk() })
        try await run(request, responder)
        if responder.isHijacked { return .close }
        guard await reader.finishBody() else { return .linger }
        return responder.mustClose || watch.isClosing ? .close : .request
    }

    /// Runs the handler; it is cancelled when the client goes away.
    private func run(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        watch.prepare()
        let work = Task { try await handler(request, responder) }
        watch.begin { work.cancel() }
        defer { watch.end() }
        try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            work.cancel()
        }
    }

    /// Says that no more will be written, then reads on until the client has understood.
    private func linger(_ reader: RequestReader, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws {
        let channel = channel.channel
        let deadline = channel.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        try await watch.flush()
        outbound.finish()
        await reader.discard(Self.lingerLimit)
    }
}
