// SPDX-License-Identifier: Apache-2.0
// One line of a json-file log, taken apart by hand: the reader's speed is here.
import Primitives

/// `{"log":"text\n","stream":"stdout","time":"2024-01-02T03:04:05.678901234Z"}`, other members (`attrs`) passed over.
struct LogLine {
    var timestamp = Timestamp.zero
    var isStderr = false

    /// Parses `line` (without its newline), appending the decoded text to `text`. False, with nothing appended, when
    /// it is no
    /// log line: torn by a crash, or not yet complete.
    static func parse(_ line: UnsafeRawBufferPointer, text: inout [UInt8], into out: inout LogLine) -> Bool {
        let mark = text.count
        var scanner = Scanner(bytes: line)
        out.isStderr = false
        var hasTime = false
        guard scanner.skip(UInt8(ascii: "{")) else { return false }
        if !scanner.skip(UInt8(ascii: "}")) {
            repeat {
                guard let key = scanner.plainString(), scanner.skip(UInt8(ascii: ":")) else { return fail() }
                switch Key(line, key) {
                case .log: guard scanner.string(into: &text) else { return fail() }
                case .stream:
                    guard let value = scanner.plainString() else { return fail() }
                    out.isStderr = value.count == 6 && line[value.lowerBound + 3] == UInt8(ascii: "e")
                case .time:
                    guard let value = scanner.plainString(), let time = timestamp(line, value) else { return fail() }
                    out.timestamp = time
                    hasTime = true
                case .other: guard scanner.skipValue() else { return fail() }
                }
            } while scanner.skip(UInt8(ascii: ","))
            guard scanner.skip(UInt8(ascii: "}")) else { return fail() }
        }
        if !hasTime { return fail() }
        return true

        func fail() -> Bool {
            text.removeLast(text.count - mark)
            return false
        }
    }

    private enum Key {
        case log, stream, time, other

        init(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) {
            func matches(_ name: StaticString) -> Bool {
                guard range.count == name.utf8CodeUnitCount else { return false }
                for offset in 0..<range.count where line[range.lowerBound + offset] != name.utf8Start[offset] {
                    return false
                }
                return true
            }
            self = matches("log") ? .log : matches("stream") ? .stream : matches("time") ? .time : .other
        }
    }

    /// The layout the shim writes, `YYYY-MM-DDThh:mm:ss[.fraction]Z`; other spellings of RFC 3339 the long way.
    static func timestamp(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) -> Timestamp? {
        let start = range.lowerBound
        func two(_ offset: Int) -> Int64 {
            Int64(line[start + offset]) * 10 + Int64(line[start + offset + 1]) - 528
        }
        guard range.count >= 20, line[range.upperBound - 1] == UInt8(ascii: "Z"), line[start + 10] == UInt8(ascii: "T"),
            range.count == 20 || line[start + 19] == UInt8(ascii: ".")
        else { return slowTimestamp(line, range) }
        // Bit n: a digit is due at offset n of `YYYY-MM-DDThh:mm:ss`.
        let digits = 0b110_1101_1011_0110_1111
        for offset in 0..<19 where digits >> offset & 1 == 1 {
            guard (48...57).contains(line[start + offset]) else { return nil }
        }
        var nanoseconds: Int32 = 0
        var scale: Int32 = 100_000_000
        var offset = start + 20
        while offset < range.upperBound - 1 {
            guard (48...57).contains(line[offset]) else { return nil }
            nanoseconds += Int32(line[offset] - 48) * scale
            scale /= 10
            offset += 1
        }
        let month = Int(two(5))
        guard (1...12).contains(month) else { return nil }
        let days = Timestamp.days(year: two(0) * 100 + two(2), month: month, day: Int(two(8)))
        return Timestamp(
            seconds: days * 86_400 + two(11) * 3600 + two(14) * 60 + two(17), nanoseconds: nanoseconds)
    }

    private static func slowTimestamp(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) -> Timestamp? {
        Timestamp(rfc3339: String(decoding: line[range], as: UTF8.self))
    }
}

/// Walks over one line of JSON.
private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    private mutating func skipSpace() {
        while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 || bytes[offset] == 0x0D {
            offset += 1
        }
    }

    mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// A string without escapes: the range of its content.
    mutating func plainString() -> Range<Int>? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
            if bytes[offset] == UInt8(ascii: "\\") { return nil }
            offset += 1
        }
        guard offset < bytes.count else { return nil }
        offset += 1
        return start..<(offset - 1)
    }

    /// Appends the decoded string: runs between escapes are copied as a whole.
    mutating func string(into text: inout [UInt8]) -> Bool {
        guard skip(UInt8(ascii: "\"")) else { return false }
        while true {
            let start = offset
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\") {
                offset += 1
            }
            guard offset < bytes.count else { return false }
            text.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]))
            let isEnd = bytes[offset] == UInt8(ascii: "\"")
            offset += 1
            if isEnd { return true }
            guard escape(into: &text) else { return false }
        }
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard offset < bytes.count else { return false }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "u"):
            guard var unit = hexUnit() else { return false }
            if (0xD800..<0xDC00).contains(unit), offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                let mark = offset
                offset += 2
                if let low = hexUnit(), (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    offset = mark
                }
            }
            text.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
        default: return false
        }
        return true
    }

    private mutating func hexUnit() -> UInt32? {
        guard offset + 4 <= bytes.count else { return nil }
        var unit: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[offset]
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 65...70: digit = byte - 55
            case 97...102: digit = byte - 87
            default: return nil
            }
            unit = unit << 4 | UInt32(digit)
            offset += 1
        }
        return unit
    }

    /// Any value, unread. Objects and arrays are matched by their brackets outside of strings.
    mutating func skipValue() -> Bool {
        skipSpace()
        var depth = 0
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
                    offset += bytes[offset] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard offset < bytes.count else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return true
            default: break
            }
            offset += 1
        }
        return false
    }
}
