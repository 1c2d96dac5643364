// SPDX-License-Identifier: Apache-2.0
// Percent-encoding of path segments and query values.

/// Escapes text for the request line.
package enum URLText {
    /// One path segment or several: `/` stays.
    package static func path(_ text: String) -> String { escape(text, keeping: Array("-_.~/:@!$&'()*+,;=".utf8)) }

    /// A query name or value, as Go's `url.QueryEscape` writes it.
    package static func query(_ text: String) -> String {
        escape(text, keeping: Array("-_.~ ".utf8)).split(separator: " ", omittingEmptySubsequences: false)
            .joined(separator: "+")
    }

    private static func escape(_ text: String, keeping safe: [UInt8]) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            if isPlain || safe.contains(byte) {
                bytes.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                bytes += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
