// SPDX-License-Identifier: Apache-2.0
// Container output as lines of Docker's json-file format.
package import Primitives

/// Splits one stream into lines of at most 16 KiB and encodes them: `{"log":"…\n","stream":"stdout","time":"…Z"}`.
/// A longer line becomes several entries, only the last of which ends in `\n`, as Docker writes them.
package struct LogEncoder {
    private let tail: [UInt8]
    private var pending: [UInt8] = []

    package static let lineLimit = 16 * 1024

    package init(stream: String) { tail = Array("\",\"stream\":\"\(stream)\",\"time\":\"".utf8) }

    /// Encodes what `bytes` completes; an unfinished line waits for more.
    package mutating func append(
        _ bytes: UnsafeBufferPointer<UInt8>, at now: Timestamp, _ clock: inout LogClock, to out: inout [UInt8]
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = Self.lineLimit - pending.count
            let window = rest.prefix(room)
            if let end = Self.newline(in: UnsafeBufferPointer(rebasing: window)) {
                let line = UnsafeBufferPointer(rebasing: window.prefix(end))
                emit(line, complete: true, now, &clock, &out)
                rest = rest.dropFirst(end + 1)
            } else if window.count == room {
                emit(UnsafeBufferPointer(rebasing: window), complete: false, now, &clock, &out)
                rest = rest.dropFirst(room)
            } else {
                pending.append(contentsOf: window)
                return
            }
        }
    }

    /// The end of the stream: an unfinished line is an entry without its newline.
    package mutating func finish(at now: Timestamp, _ clock: inout LogClock, to out: inout [UInt8]) {
        guard !pending.isEmpty else { return }
        emit(UnsafeBufferPointer(start: nil, count: 0), complete: false, now, &clock, &out)
    }

    private mutating func emit(
        _ line: UnsafeBufferPointer<UInt8>, complete: Bool, _ now: Timestamp, _ clock: inout LogClock,
        _ out: inout [UInt8]
    ) {
        out.append(contentsOf: Self.head)
        if pending.isEmpty {
            Self.escape(line, to: &out)
        } else {
            pending.append(contentsOf: line)
            pending.withUnsafeBufferPointer { Self.escape($0, to: &out) }
            pending.removeAll(keepingCapacity: pending.capacity <= Self.lineLimit)
        }
        if complete { out.append(contentsOf: Self.newlineEscape) }
        out.append(contentsOf: tail)
        clock.append(now, to: &out)
        out.append(contentsOf: Self.end)
    }

    private static let head = Array("{\"log\":\"".utf8)
    private static let end = Array("\"}\n".utf8)
    private static let newlineEscape = Array("\\n".utf8)
    private static let replacement = Array("\\ufffd".utf8)
    private static let hex = Array("0123456789abcdef".utf8)

    private static func newline(in bytes: UnsafeBufferPointer<UInt8>) -> Int? { bytes.firstIndex(of: 10) }

    /// Bytes that go out as they are: printable ASCII except what JSON and HTML quote.
    private static let plain: [Bool] = (0..<256).map { byte in
        byte >= 0x20 && byte < 0x80 && !Array("\"\\<>&".utf8).contains(UInt8(byte))
    }

    private static func escape(_ bytes: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
        plain.withUnsafeBufferPointer { plain in
            var start = 0
            var index = 0
            let count = bytes.count
            while index < count {
                let byte = bytes[index]
                if plain[Int(byte)] {
                    index += 1
                    continue
                }
                let length = byte < 0x80 ? 1 : utf8Length(bytes, at: index)
                let isSeparator =
                    length == 3 && byte == 0xe2 && bytes[index + 1] == 0x80 && bytes[index + 2] & 0xfe == 0xa8
                if length > 1 && !isSeparator {
                    index += length
                    continue
                }
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
                if isSeparator {
                    out.append(contentsOf: "\\u202".utf8)
                    out.append(hex[Int(bytes[index + 2] & 0xf)])
                } else {
                    append(byte, valid: length == 1, to: &out)
                }
                index += max(length, 1)
                start = index
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<count]))
        }
    }

    private static func append(_ byte: UInt8, valid: Bool, to out: inout [UInt8]) {
        guard valid else { return out.append(contentsOf: replacement) }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(contentsOf: [UInt8(ascii: "\\"), byte])
        case 10: out.append(contentsOf: newlineEscape)
        case 13: out.append(contentsOf: "\\r".utf8)
        case 0x7f: out.append(byte)
        default:
            out.append(contentsOf: "\\u00".utf8)
            out.append(hex[Int(byte >> 4)])
            out.append(hex[Int(byte & 0xf)])
        }
    }

    /// The length of a well-formed sequence, or 0: each byte of any other is replaced, as Go does.
    private static func utf8Length(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        let first = bytes[index]
        let available = bytes.count - index
        func continues(_ offset: Int) -> Bool { bytes[index + offset] & 0xc0 == 0x80 }
        switch first {
        case 0xc2...0xdf: return available >= 2 && continues(1) ? 2 : 0
        case 0xe0...0xef:
            guard available >= 3, continues(1), continues(2) else { return 0 }
            let second = bytes[index + 1]
            if first == 0xe0 && second < 0xa0 || first == 0xed && second > 0x9f { return 0 }
            return 3
        case 0xf0...0xf4:
            guard available >= 4, continues(1), continues(2), continues(3) else { return 0 }
            let second = bytes[index + 1]
            if first == 0xf0 && second < 0x90 || first == 0xf4 && second > 0x8f { return 0 }
            return 4
        default: return 0
        }
    }
}
