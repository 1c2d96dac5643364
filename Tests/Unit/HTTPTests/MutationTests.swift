// SPDX-License-Identifier: Apache-2.0
// Bytes nobody thought of: readers refuse or accept them, and never trap.
import Testing

@testable import HTTP

@Suite struct MutationTests {
    /// The same numbers in every run.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private func mutate(_ seed: [UInt8], using numbers: inout Numbers) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            let place = Int.random(in: 0...bytes.count, using: &numbers)
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &numbers), at: place)
            case 1: bytes.insert(contentsOf: [13, 10, 32, 58].shuffled(using: &numbers).prefix(2), at: place)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 3))
            default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &numbers) }
            }
        }
        return bytes
    }

    @Test func heads() {
        var numbers = Numbers(state: 1)
        let seed = Array("POST http://h/a?b=%41 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: x, close".utf8)
        for _ in 0..<5000 {
            let bytes = mutate(seed, using: &numbers)
            guard let head = try? RequestHead(parsing: bytes) else { continue }
            // What was accepted holds no line end and no NUL that a second reader could act on.
            let texts = [head.method, head.target] + head.headers.fields.flatMap { [$0.name, $0.value] }
            #expect(texts.allSatisfy { !$0.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 } })
            #expect(head.headers.all("Content-Length").isEmpty || head.headers.all("Transfer-Encoding").isEmpty)
            _ = URLText.query(head.target)
        }
    }

    @Test func webSocketFrames() {
        var numbers = Numbers(state: 2)
        let seed: [UInt8] = [
            0x81, 0x83, 1, 2, 3, 4, 5, 6, 7, 0x89, 0x80, 0, 0, 0, 0, 0x82, 0xFE, 0, 2, 1, 1, 1, 1, 9, 9,
        ]
        for _ in 0..<5000 {
            var decoder = WebSocketDecoder()
            do {
                for byte in mutate(seed, using: &numbers) {
                    decoder.feed([byte])
                    while try decoder.next() != nil {}
                }
            } catch {
                #expect([1002, 1009].contains(error.code))
            }
        }
    }
}
