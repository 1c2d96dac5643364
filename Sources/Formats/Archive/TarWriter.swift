// SPDX-License-Identifier: Apache-2.0
// Writing tar: ustar headers, PAX records only where ustar has no room.

/// Headers and paddings of a tar archive as bytes; the caller sends them and the content between them.
package enum TarWriter {
    /// The header of a member: its content must follow, then `padding(for:)`.
    package static func header(_ entry: TarEntry) -> [UInt8] {
        var records: [(String, [UInt8])] = []
        if needsRecord(entry.name) { records.append(("path", entry.name.bytes)) }
        if needsRecord(entry.linkName) { records.append(("linkpath", entry.linkName.bytes)) }
        if entry.uid > 0o7777777 { records.append(("uid", Array(String(entry.uid).utf8))) }
        if entry.gid > 0o7777777 { records.append(("gid", Array(String(entry.gid).utf8))) }
        if entry.size > 0o77777777777 { records.append(("size", Array(String(entry.size).utf8))) }
        if entry.modifiedNanoseconds != 0 || entry.modified < 0 || entry.modified > 0o77777777777 {
            records.append(("mtime", Array(time(entry).utf8)))
        }
        // An empty value would mean "as the header says" to readers.
        for (key, value) in entry.attributes.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            records.append((PAXRecords.attributePrefix + key, value))
        }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            let body = records.flatMap { record($0.0, $0.1) }
            let suffix = entry.name.bytes.suffix(60).map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
            let wrapper = TarEntry(name: PathBytes(Array("PaxHeaders.0/".utf8) + suffix), size: Int64(body.count))
            bytes += block(wrapper, type: UInt8(ascii: "x"))
            bytes += body
            bytes += padding(for: Int64(body.count))
        }
        return bytes + block(entry, type: type(entry.kind))
    }

    /// Zeros up to the next block of 512 bytes.
    package static func padding(for size: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: Int((512 - size % 512) % 512))
    }

    /// The two zero blocks that end an archive.
    package static var end: [UInt8] { [UInt8](repeating: 0, count: 1024) }

    /// A whole member with small content.
    package static func member(_ name: PathBytes, _ content: [UInt8], modified: Int64 = 0) -> [UInt8] {
        let entry = TarEntry(name: name, size: Int64(content.count), modified: modified)
        return header(entry) + content + padding(for: entry.size)
    }

    private static func type(_ kind: TarEntry.Kind) -> UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        }
    }

    private static func block(_ entry: TarEntry, type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int, limit: Int) {
            for (index, byte) in bytes.prefix(limit).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int64, at offset: Int, width: Int) {
            let limit = (Int64(1) << (3 * Int64(width - 1))) - 1
            let digits = String(min(max(0, value), limit), radix: 8)
            put(
                (String(repeating: "0", count: max(0, width - 1 - digits.utf8.count)) + digits).utf8, at: offset,
                limit: width - 1)
        }
        put(entry.name.bytes, at: 0, limit: 100)
        octal(Int64(entry.mode), at: 100, width: 8)
        octal(Int64(entry.uid), at: 108, width: 8)
        octal(Int64(entry.gid), at: 116, width: 8)
        octal(entry.size, at: 124, width: 12)
        octal(entry.modified, at: 136, width: 12)
        block[156] = type
        put(entry.linkName.bytes, at: 157, limit: 100)
        put("ustar\u{0}00".utf8, at: 257, limit: 8)
        octal(Int64(entry.deviceMajor), at: 329, width: 8)
        octal(Int64(entry.deviceMinor), at: 337, width: 8)
        put("        ".utf8, at: 148, limit: 8)
        let sum = block.reduce(0) { $0 + Int64($1) }
        octal(sum, at: 148, width: 7)
        block[154] = 0
        block[155] = UInt8(ascii: " ")
        return block
    }

    /// `length key=value\n`, where length counts its own digits.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = key.utf8.count + value.count + 3
        var length = rest + String(rest).utf8.count
        if rest + String(length).utf8.count != length { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    }

    /// A negative time with a fraction is written away from zero: -1 s + 0.25 s is `-0.75`.
    private static func time(_ entry: TarEntry) -> String {
        guard entry.modifiedNanoseconds > 0 else { return String(entry.modified) }
        let isNegative = entry.modified < 0
        let seconds = isNegative ? -(entry.modified + 1) : entry.modified
        var digits = String(isNegative ? 1_000_000_000 - entry.modifiedNanoseconds : entry.modifiedNanoseconds)
        digits = String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(isNegative ? "-" : "")\(seconds).\(digits)"
    }

    /// What is longer than its field, or neither ASCII nor plain bytes to every reader.
    private static func needsRecord(_ name: PathBytes) -> Bool {
        name.bytes.count > 100 || name.bytes.contains { $0 >= 0x80 }
    }
}
