// SPDX-License-Identifier: Apache-2.0
// WebSocket frames as clients send them, right and wrong.
import HTTP
import Testing

@Suite struct WebSocketTests {
    private static func client(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let mask: [UInt8] = [1, 2, 3, 4]
        var out = [first]
        if payload.count < 126 {
            out.append(0x80 | UInt8(payload.count))
        } else if payload.count < 65536 {
            out += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        } else {
            out += [0x80 | 127, 0, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(payload.count >> $0 & 255) }
        }
        return out + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    private static func events(_ bytes: [UInt8]) throws(WebSocketViolation) -> [WebSocketDecoder.Event] {
        var decoder = WebSocketDecoder()
        decoder.feed(bytes)
        var events: [WebSocketDecoder.Event] = []
        while let event = try decoder.next() { events.append(event) }
        return events
    }

    @Test(arguments: [0, 1, 125, 126, 65535, 65536, WebSocketDecoder.payloadLimit])
    func payloadsOfEveryLengthForm(_ count: Int) throws {
        let payload = [UInt8](repeating: 7, count: count)
        #expect(try Self.events(Self.client(0x82, payload)) == [.data(payload)])
    }

    @Test func byteByByte() throws {
        var decoder = WebSocketDecoder()
        var events: [WebSocketDecoder.Event] = []
        for byte in Self.client(0x82, [1, 2, 3]) + Self.client(0x89, [9]) + Self.client(0x88, [3, 0xE8]) {
            decoder.feed([byte])
            while let event = try decoder.next() { events.append(event) }
        }
        #expect(events == [.data([1, 2, 3]), .ping([9]), .close(1000)])
    }

    @Test func fragmentsAndControlFramesBetween() throws {
        let bytes = Self.client(0x01, [1]) + Self.client(0x89, []) + Self.client(0x00, [2]) + Self.client(0x80, [3])
        #expect(try Self.events(bytes) == [.data([1]), .ping([]), .data([2]), .data([3])])
        #expect(try Self.events(Self.client(0x8A, [1]) + Self.client(0x88, [])) == [.close(nil)])
    }

    @Test(
        arguments: [
            ([0x82, 0x01, 65], 1002),  // unmasked
            ([0xC2, 0x80, 0, 0, 0, 0], 1002),  // reserved bit
            ([0x83, 0x80, 0, 0, 0, 0], 1002),  // reserved opcode
            ([0x80, 0x80, 0, 0, 0, 0], 1002),  // continues nothing
            ([0x09, 0x80, 0, 0, 0, 0], 1002),  // control frame in fragments
            ([0x89, 0xFE, 0, 126], 1002),  // long control frame
            ([0x88, 0x81, 0, 0, 0, 0, 3], 1002),  // half a code
            ([0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002),  // message within a message
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1], 1009),  // one byte too long
            ([0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),  // beyond Int
            ([0x82, 0xFF, 1, 0, 0, 0, 0, 0, 0, 5], 1009),  // small only when truncated
        ] as [([UInt8], UInt16)])
    func violations(_ bytes: [UInt8], _ code: UInt16) {
        #expect { try Self.events(bytes) } throws: { ($0 as? WebSocketViolation)?.code == code }
    }

    @Test func frames() {
        #expect(WebSocketFrame.binary([1]) == [0x82, 1, 1])
        #expect(WebSocketFrame.binary([UInt8](repeating: 0, count: 300)).prefix(4) == [0x82, 126, 1, 44])
        #expect(
            WebSocketFrame.binary([UInt8](repeating: 0, count: 65536)).prefix(10) == [
                0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0,
            ])
        #expect(WebSocketFrame.close(1002) == [0x88, 2, 3, 0xEA])
        #expect(WebSocketFrame.pong([5]) == [0x8A, 1, 5])
        #expect(WebSocketKey.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }
}
