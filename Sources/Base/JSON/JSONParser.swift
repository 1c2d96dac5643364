// SPDX-License-Identifier: Apache-2.0
// Reading JSON from bytes that may be hostile: depth and size are bounded, numbers and escapes checked.

/// Why a document is not JSON, with the offset of the byte where reading stopped.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package let offset: Int
    /// The document ended too early; more bytes might complete it.
    package let isUnexpectedEnd: Bool

    package var description: String { "\(message) at offset \(offset)" }
}

extension JSONValue {
    /// Parses exactly one document. `maximumDepth` bounds nesting (and so the stack).
    package static func parse(_ bytes: some Sequence<UInt8>, maximumDepth: Int = 200) throws(JSONError) -> JSONValue {
        let array = Array(bytes)
        var failure: JSONError?
        let value = array.withUnsafeBufferPointer { buffer -> JSONValue in
            var parser = JSONParser(bytes: buffer, maximumDepth: maximumDepth)
            do throws(JSONError) {
                return try parser.document()
            } catch {
                failure = error
                return .null
            }
        }
        if let failure { throw failure }
        return value
    }

    package static func parse(_ text: String, maximumDepth: Int = 200) throws(JSONError) -> JSONValue {
        try parse(text.utf8, maximumDepth: maximumDepth)
    }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maximumDepth: Int
    var offset = 0

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        if offset < bytes.count { throw fail("invalid character after top-level value") }
        return value
    }

    private func fail(_ message: String) -> JSONError {
        offset >= bytes.count
            ? JSONError(message: "unexpected end of JSON input", offset: offset, isUnexpectedEnd: true)
            : JSONError(message: message, offset: offset, isUnexpectedEnd: false)
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        guard offset < bytes.count else { throw fail("") }
        guard depth <= maximumDepth else { throw fail("exceeded max depth") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fail("invalid character looking for beginning of value")
        }
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count, bytes[offset] == word.utf8Start[index] else {
                throw fail("invalid character in literal \(word)")
            }
            offset += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var object = JSONObject()
        skipSpace()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "}") {
            offset += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                throw fail("invalid character looking for beginning of object key string")
            }
            let key = try string()
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
                throw fail("invalid character after object key")
            }
            offset += 1
            object[key] = try value(depth: depth + 1)
            skipSpace()
            guard offset < bytes.count else { throw fail("") }
            if bytes[offset] == UInt8(ascii: ",") {
                offset += 1
            } else if bytes[offset] == UInt8(ascii: "}") {
                offset += 1
                return .object(object)
            } else {
                throw fail("invalid character after object key:value pair")
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        skipSpace()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "]") {
            offset += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            guard offset < bytes.count else { throw fail("") }
            if bytes[offset] == UInt8(ascii: ",") {
                offset += 1
            } else if bytes[offset] == UInt8(ascii: "]") {
                offset += 1
                return .array(elements)
            } else {
                throw fail("invalid character after array element")
            }
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let digits = offset
        try skipDigits()
        if bytes[digits] == UInt8(ascii: "0"), offset - digits > 1 { throw fail("invalid number") }
        var isInteger = true
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try skipDigits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try skipDigits()
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
        if isInteger, let value = Int64(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw fail("number out of range") }
        return .double(value)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < bytes.count, (48...57).contains(bytes[offset]) { offset += 1 }
        if offset == start { throw fail("invalid character in numeric literal") }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\"),
            bytes[offset] >= 0x20
        { offset += 1 }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
            offset += 1
            return String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<(offset - 1)]), as: UTF8.self)
        }
        var out = Array(bytes[start..<offset])
        while true {
            guard offset < bytes.count else { throw fail("") }
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                offset += 1
                return String(decoding: out, as: UTF8.self)
            }
            guard byte >= 0x20 else { throw fail("invalid character in string literal") }
            offset += 1
            if byte == UInt8(ascii: "\\") {
                try escape(into: &out)
            } else {
                out.append(byte)
            }
        }
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        guard offset < bytes.count else { throw fail("") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var unit = try hexUnit()
            if (0xD800..<0xDC00).contains(unit), offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                let mark = offset
                offset += 2
                let low = try hexUnit()
                if (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    offset = mark
                }
            }
            let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
            out.append(contentsOf: Array(String(Character(scalar)).utf8))
        default:
            offset -= 1
            throw fail("invalid character in string escape code")
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard offset < bytes.count, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
                throw fail("invalid character in \\u hexadecimal character escape")
            }
            unit = unit << 4 + UInt32(digit)
            offset += 1
        }
        return unit
    }
}
