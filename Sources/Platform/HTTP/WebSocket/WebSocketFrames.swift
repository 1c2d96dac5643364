// SPDX-License-Identifier: Apache-2.0
// Frames of a WebSocket (RFC 6455, 5): bytes to events on the server's side, and frames to bytes.

/// What a client may not do; the connection ends with the code (RFC 6455, 7.4.1).
package struct WebSocketViolation: Error, Equatable {
    package let code: UInt16

    static let protocolError = WebSocketViolation(code: 1002)
    static let tooBig = WebSocketViolation(code: 1009)
}

/// Frames out of bytes as they come. Messages are not put together: a stream has no use for their bounds.
package struct WebSocketDecoder: Sendable {
    package enum Event: Sendable, Equatable {
        case data([UInt8])
        case ping([UInt8])
        /// The client ends the conversation; the code it gave, if any.
        case close(UInt16?)
    }

    /// Longest payload of a frame. Clients send key strokes and pastes.
    package static let payloadLimit = 1 << 20

    private var bytes: [UInt8] = []
    private var isInMessage = false

    package init() {}

    package mutating func feed(_ more: [UInt8]) { bytes += more }

    /// The next event; nil when more bytes are needed.
    package mutating func next() throws(WebSocketViolation) -> Event? {
        while let (isLast, code, payload) = try frame() {
            switch code {
            case 0:
                guard isInMessage else { throw .protocolError }
                isInMessage = !isLast
                return .data(payload)
            case 1, 2:
                guard !isInMessage else { throw .protocolError }
                isInMessage = !isLast
                return .data(payload)
            case 8:
                guard payload.count != 1 else { throw .protocolError }
                return .close(payload.isEmpty ? nil : UInt16(payload[0]) << 8 | UInt16(payload[1]))
            case 9: return .ping(payload)
            case 10: continue
            default: throw .protocolError
            }
        }
        return nil
    }

    private mutating func frame() throws(WebSocketViolation) -> (isLast: Bool, code: UInt8, payload: [UInt8])? {
        guard bytes.count >= 2 else { return nil }
        let isLast = bytes[0] & 0x80 != 0
        let code = bytes[0] & 0x0F
        var length = UInt64(bytes[1] & 0x7F)
        // No extension was agreed on; clients must mask (5.1); control frames are short and whole (5.5).
        guard bytes[0] & 0x70 == 0, bytes[1] & 0x80 != 0, code < 8 || isLast && length < 126 else {
            throw .protocolError
        }
        var header = 2
        if length >= 126 {
            header += length == 126 ? 2 : 8
            guard bytes.count >= header else { return nil }
            length = bytes[2..<header].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard length <= UInt64(Self.payloadLimit) else { throw .tooBig }
        let begin = header + 4
        let end = begin + Int(length)
        guard bytes.count >= end else { return nil }
        let mask = Array(bytes[header..<begin])
        var payload = Array(bytes[begin..<end])
        for index in payload.indices { payload[index] ^= mask[index & 3] }
        bytes.removeFirst(end)
        return (isLast, code, payload)
    }
}

/// Frames as a server sends them: whole and unmasked.
package enum WebSocketFrame {
    package static func binary(_ payload: [UInt8]) -> [UInt8] { frame(0x82, payload) }

    package static func pong(_ payload: [UInt8]) -> [UInt8] { frame(0x8A, payload) }

    package static func close(_ code: UInt16) -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 255)])
    }

    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [first]
        out.reserveCapacity(payload.count + 10)
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
}
