// SPDX-License-Identifier: Apache-2.0
// The answer to a WebSocket client's key (RFC 6455, 4.2.2).
import Crypto

/// Proves that the server understood the request.
package enum WebSocketKey {
    package static func accept(_ key: String) -> String {
        let digest = Array(Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: digest.count, by: 3) {
            let group = digest[start..<min(start + 3, digest.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0) }
            for offset in 0..<4 {
                out.append(
                    offset <= group.count ? alphabet[Int(bits >> (18 - 6 * UInt32(offset)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
