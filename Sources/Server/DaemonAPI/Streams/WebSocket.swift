// SPDX-License-Identifier: Apache-2.0
// Attach over a WebSocket (RFC 6455): binary frames in both directions.
import Engine
import HTTP
import Primitives
import Synchronization

enum WebSocket {
    private static let frameLimit = 1 << 20

    /// The headers of the switch; refuses what is no WebSocket request.
    static func accept(_ call: APICall) throws -> [(String, String)] {
        guard call.request.headers["Upgrade"]?.lowercased() == "websocket",
            let key = call.request.headers["Sec-WebSocket-Key"],
            key.utf8.count == 24
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
        let decoder = Mutex(Decoder())
        try await Hijack.join(
            connection,
            input: {
                while true {
                    if let payload = try decoder.withLock({ try $0.next() }) { return payload }
                    guard let bytes = try await raw.read() else { return nil }
                    decoder.withLock { $0.feed(bytes) }
                    if decoder.withLock({ $0.isClosed }) { return nil }
                }
            }, output: { try await raw.write(frame(0x82, $0.bytes)) })
        try await raw.write(frame(0x88, [0x03, 0xE8]))
    }

    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [first]
        if payload.count < 126 {
            out.append(UInt8(payload.count))
        } else if payload.count < 65536 {
            out += [126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        } else {
            out.append(127)
            for shift in stride(from: 56, through: 0, by: -8) {
                out.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        return out + payload
    }

    /// Frames out of bytes. Clients must mask (5.1); control frames other than close are passed over.
    private struct Decoder {
        private var bytes: [UInt8] = []
        private(set) var isClosed = false

        mutating func feed(_ more: [UInt8]) { bytes += more }

        mutating func next() throws -> [UInt8]? {
            while !isClosed, bytes.count >= 2 {
                var length = Int(bytes[1] & 0x7F)
                var header = 2
                if length >= 126 {
                    let size = length == 126 ? 2 : 8
                    guard bytes.count >= 2 + size else { return nil }
                    length = bytes[2..<(2 + size)].reduce(0) { ($0 & 0xFF_FFFF) << 8 | Int($1) }
                    header += size
                }
                guard bytes[1] & 0x80 != 0, length <= WebSocket.frameLimit else {
                    throw EngineError.invalidArgument("websocket: frame not masked or too large")
                }
                guard bytes.count >= header + 4 + length else { return nil }
                let mask = Array(bytes[header..<(header + 4)])
                let code = bytes[0] & 0x0F
                var payload = Array(bytes[(header + 4)..<(header + 4 + length)])
                for index in payload.indices { payload[index] ^= mask[index & 3] }
                bytes.removeFirst(header + 4 + length)
                switch code {
                case 0, 1, 2: return payload
                case 8: isClosed = true
                default: continue
                }
            }
            return nil
        }
    }
}
