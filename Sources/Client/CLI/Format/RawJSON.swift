// SPDX-License-Identifier: Apache-2.0
// The daemon's JSON shown as it came, only laid out anew: numbers and escapes keep their spelling.

/// Indentation of JSON text (Go's `json.Indent`).
enum RawJSON {
    /// Without white space at either end.
    static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var slice = bytes[...]
        while let last = slice.last, last <= 32 { slice.removeLast() }
        return slice.drop { $0 <= 32 }
    }

    static func indent(_ bytes: some Sequence<UInt8>, prefix: String = "", by unit: String = "    ") -> [UInt8] {
        var output: [UInt8] = []
        var depth = 0
        var inString = false
        var escaped = false
        var needsIndent = false
        func newline() {
            output.append(10); output += Array(prefix.utf8); for _ in 0..<depth { output += Array(unit.utf8) }
        }
        for byte in bytes {
            if inString {
                output.append(byte)
                if escaped {
                    escaped = false
                } else if byte == 92 {
                    escaped = true
                } else if byte == 34 {
                    inString = false
                }
                continue
            }
            if byte == 32 || (9...13).contains(byte) { continue }
            if needsIndent, byte != UInt8(ascii: "]"), byte != UInt8(ascii: "}") {
                needsIndent = false
                depth += 1
                newline()
            }
            switch byte {
            case UInt8(ascii: "\""):
                inString = true
                output.append(byte)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                output.append(byte)
                needsIndent = true
            case UInt8(ascii: ","):
                output.append(byte)
                newline()
            case UInt8(ascii: ":"): output += [byte, 32]
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if needsIndent {
                    needsIndent = false
                } else {
                    depth -= 1
                    newline()
                }
                output.append(byte)
            default: output.append(byte)
            }
        }
        return output
    }
}
