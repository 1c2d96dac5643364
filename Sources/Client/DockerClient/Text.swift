// SPDX-License-Identifier: Apache-2.0
// Cutting strings the way Go's `strings` package does, on bytes: no Unicode tables, no Foundation.

/// String operations shared by the client's parsers.
package enum Text {
    /// The parts before and after the first `separator` (Go's `strings.Cut`); nil when it does not occur.
    package static func cut(_ text: some StringProtocol, _ separator: String) -> (before: String, after: String)? {
        let bytes = Array(text.utf8)
        guard let position = index(of: Array(separator.utf8), in: bytes, from: 0) else { return nil }
        return (
            String(decoding: bytes[..<position], as: UTF8.self),
            String(decoding: bytes[(position + separator.utf8.count)...], as: UTF8.self)
        )
    }

    /// All parts between separators, empty ones included, at most `limit` (the last then keeps the rest).
    package static func split(_ text: String, _ separator: String, limit: Int = .max) -> [String] {
        if separator.isEmpty { return text.unicodeScalars.map { String($0) } }
        let bytes = Array(text.utf8)
        let needle = Array(separator.utf8)
        var parts: [String] = []
        var start = 0
        while parts.count < limit - 1, let position = index(of: needle, in: bytes, from: start) {
            parts.append(String(decoding: bytes[start..<position], as: UTF8.self))
            start = position + needle.count
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }

    package static func contains(_ text: String, _ part: String) -> Bool {
        index(of: Array(part.utf8), in: Array(text.utf8), from: 0) != nil
    }

    package static func replacing(_ text: String, _ old: String, with new: String) -> String {
        split(text, old).joined(separator: new)
    }

    package static func trimmed(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    package static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func index(of needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard !needle.isEmpty, bytes.count >= needle.count else { return nil }
        var position = start
        let end = bytes.count - needle.count
        while position <= end {
            if bytes[position] == needle[0] {
                var offset = 1
                while offset < needle.count, bytes[position + offset] == needle[offset] { offset += 1 }
                if offset == needle.count { return position }
            }
            position += 1
        }
        return nil
    }
}
