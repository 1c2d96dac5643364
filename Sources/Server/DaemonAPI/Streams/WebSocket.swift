// SPDX-License-Identifier: Apache-2.0
// Attach over a WebSocket (RFC 6455): binary frames in both directions.
import Engine
import HTTP
import Primitives
import Synchronization

enum WebSocket {
    /// The headers of the switch; refuses what is no WebSocket request.
    static func accept(_ call: APICall) throws -> [(String, String)] {
        let headers = call.request.headers
        guard headers.hasToken("Upgrade", "websocket"), let key = headers["Sec-WebSocket-Key"], key.utf8.count == 24,
            headers["Sec-WebSocket-Version"] ?? "13" == "13"
        else { throw EngineError.invalidArgument("not websocket protocol") }
        return [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", WebSocketKey.accept(key)),
        ]
    }

    static func run(_ connection: any ProcessConnection, _ call: APICall, accept: [(String, String)]) async throws {
        let raw: RawConnection
        do {
            raw = try await call.responder.hijack(101, accept)
        } catch {
            await connection.close()
            throw error
        }
        let input = Input(raw)
        try await Hijack.join(
            connection,
            input: {
                if let bytes = try await input.next() { return bytes }
                // Unlike a half-closed stream, a closed WebSocket takes no output any more.
                await connection.closeInput()
                throw ClientLeft()
            }, output: { try await raw.write(WebSocketFrame.binary($0.bytes)) },
            end: {
                try await input.close(1000)
                try await raw.finish()
            })
    }

    /// The client's side: payloads for the process; pings and the end are answered here.
    private final class Input: Sendable {
        private let raw: RawConnection
        private let decoder = Mutex(WebSocketDecoder())
        private let isClosed = Mutex(false)

        init(_ raw: RawConnection) { self.raw = raw }

        /// The next payload; nil when the client has closed, or broken the protocol.
        func next() async throws -> [UInt8]? {
            do {
                while true {
                    switch try decoder.withLock({ try $0.next() }) {
                    case .data(let payload)?: return payload
                    case .ping(let payload)?: try await raw.write(WebSocketFrame.pong(payload))
                    case .close(let code)?:
                        try await close(code ?? 1000)
                        return nil
                    case nil:
                        guard let bytes = try await raw.read() else { return nil }
                        decoder.withLock { $0.feed(bytes) }
                    }
                }
            } catch let violation as WebSocketViolation {
                try await close(violation.code)
                return nil
            }
        }

        /// Sends the one Close frame of this side.
        func close(_ code: UInt16) async throws {
            let isFirst = isClosed.withLock { isClosed in
                defer { isClosed = true }
                return !isClosed
            }
            if isFirst { try await raw.write(WebSocketFrame.close(code)) }
        }
    }
}
