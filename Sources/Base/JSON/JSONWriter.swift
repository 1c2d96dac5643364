// SPDX-License-Identifier: Apache-2.0
// Writing JSON straight into bytes, for answers that are made too often for a generic encoder.

/// Appends JSON to `bytes`; commas are its work, balance is the caller's.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false
    /// As Go's encoder: `<`, `>` and `&` become \u003c and so on, so that the text is safe inside HTML.
    private let escapesHTML: Bool

    package init(escapesHTML: Bool = false, capacity: Int = 256) {
        self.escapesHTML = escapesHTML
        bytes.reserveCapacity(capacity)
    }

    /// Empties the writer, keeping its storage.
    package mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    package mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    package mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    package mutating func key(_ name: String) {
        separate()
        JSONText.append(name, to: &bytes, escapesHTML: escapesHTML)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func value(_ text: String) {
        separate()
        JSONText.append(text, to: &bytes, escapesHTML: escapesHTML)
        needsComma = true
    }

    package mutating func value(_ number: Int64) { raw(String(number)) }
    package mutating func value(_ number: Int) { raw(String(number)) }
    package mutating func value(_ number: UInt64) { raw(String(number)) }
    package mutating func value(_ flag: Bool) { raw(flag ? "true" : "false") }
    package mutating func value(_ number: Double) { raw(JSONText.number(number)) }
    package mutating func null() { raw("null") }

    package mutating func value(_ value: JSONValue) {
        separate()
        JSONText.append(value, to: &bytes, escapesHTML: escapesHTML)
        needsComma = true
    }

    package mutating func field(_ name: String, _ text: String) {
        key(name)
        value(text)
    }
    package mutating func field(_ name: String, _ number: Int64) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: String, _ number: Int) {
        key(name)
        value(number)
    }
    package mutating func field(_ name: String, _ flag: Bool) {
        key(name)
        value(flag)
    }
    package mutating func field(_ name: String, _ json: JSONValue) {
        key(name)
        value(json)
    }

    /// Appends text that is JSON already.
    package mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
    }
}

extension JSONValue {
    /// The document as bytes. `indent` spaces per level give the layout of Go's `MarshalIndent`; nil gives one line.
    package func serialize(indent: Int? = nil, escapesHTML: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONText.append(self, to: &bytes, escapesHTML: escapesHTML, indent: indent)
        return bytes
    }

    package func text(indent: Int? = nil, escapesHTML: Bool = false) -> String {
        String(decoding: serialize(indent: indent, escapesHTML: escapesHTML), as: UTF8.self)
    }
}

/// The spelling of JSON's values.
package enum JSONText {
    package static func append(_ text: String, to bytes: inout [UInt8], escapesHTML: Bool = false) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { units in
            var start = 0
            for index in units.indices {
                let unit = units[index]
                let isPlain =
                    unit >= 0x20 && unit != UInt8(ascii: "\"") && unit != UInt8(ascii: "\\")
                    && !(escapesHTML
                        && (unit == UInt8(ascii: "<") || unit == UInt8(ascii: ">") || unit == UInt8(ascii: "&")))
                if isPlain { continue }
                bytes.append(contentsOf: units[start..<index])
                start = index + 1
                appendEscape(unit, to: &bytes)
            }
            bytes.append(contentsOf: units[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(_ unit: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch unit {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(unit)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(unit >> 4)])
            bytes.append(digits[Int(unit & 15)])
        }
    }

    package static func number(_ number: Double) -> String {
        guard number.isFinite else { return "null" }
        if let whole = Int64(exactly: number), abs(whole) < 1 << 53 { return String(whole) }
        return "\(number)"
    }

    package static func append(
        _ value: JSONValue, to bytes: inout [UInt8], escapesHTML: Bool = false, indent: Int? = nil, level: Int = 0
    ) {
        func newline(_ level: Int) {
            guard let indent else { return }
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
        }
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .int(let number): bytes.append(contentsOf: String(number).utf8)
        case .double(let value): bytes.append(contentsOf: number(value).utf8)
        case .string(let text): append(text, to: &bytes, escapesHTML: escapesHTML)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newline(level + 1)
                append(element, to: &bytes, escapesHTML: escapesHTML, indent: indent, level: level + 1)
            }
            if !elements.isEmpty { newline(level) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (position, field) in object.fields.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newline(level + 1)
                append(field.key, to: &bytes, escapesHTML: escapesHTML)
                bytes.append(UInt8(ascii: ":"))
                if indent != nil { bytes.append(UInt8(ascii: " ")) }
                append(field.value, to: &bytes, escapesHTML: escapesHTML, indent: indent, level: level + 1)
            }
            if !object.isEmpty { newline(level) }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}
