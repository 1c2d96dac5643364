// SPDX-License-Identifier: Apache-2.0
// Reading tar from chunks as they arrive: ustar, PAX, GNU long names and numbers, bounded.

/// Receives the members of an archive in order: `begin`, any number of `content`, `end` for each.
package protocol TarVisitor {
    mutating func begin(_ entry: TarEntry) throws
    mutating func content(_ bytes: UnsafeRawBufferPointer) throws
    /// Bytes of a sparse member that are zero and not in the archive; there may be any number of them.
    mutating func hole(_ count: Int64) throws
    mutating func end() throws
}

extension TarVisitor {
    package mutating func hole(_ count: Int64) throws { throw TarError.unsupported("a sparse member") }
}

/// A push parser: bytes go in as they come, members come out. It never holds more than one header's extensions
/// (at most 1 MiB). POSIX pax format: pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html.
package struct TarReader<Visitor: TarVisitor> {
    package var visitor: Visitor

    private enum State {
        case header
        case content(left: Int64, padding: Int)
        case extension_(kind: UInt8, left: Int64, padding: Int)
        /// More of an old GNU sparse map, a block at a time.
        case sparseBlock(TarEntry, SparseMap, stored: Int64)
        /// The map before the content (PAX 1.0).
        case sparseLines(TarEntry, SparseMap, left: Int64, lines: Int)
        case padding(Int)
        case ended
    }

    private static var extensionLimit: Int64 { 1 << 20 }

    private var state = State.header
    private var block: [UInt8] = []
    private var extensionBytes: [UInt8] = []
    private var records: PAXRecords?
    private var longName: PathBytes?
    private var longLink: PathBytes?
    /// The map of the member whose content is being read.
    private var sparse: SparseMap?
    private var zeroBlocks = 0

    package init(visitor: Visitor) {
        self.visitor = visitor
        block.reserveCapacity(512)
    }

    /// Whether the end marker was read; what follows it is ignored, as every tar does.
    package var isEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// Takes the next bytes of the archive.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .ended: return
            case .padding(let left):
                let count = min(left, rest.count)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                state = left == count ? .header : .padding(left - count)
            case .content(let left, let padding):
                let count = Int(min(left, Int64(rest.count)))
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<count])
                if sparse == nil { try visitor.content(piece) } else { try sparse?.take(piece, for: &visitor) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                if left == Int64(count) {
                    try endMember()
                    state = padding == 0 ? .header : .padding(padding)
                } else {
                    state = .content(left: left - Int64(count), padding: padding)
                }
            case .extension_(let kind, let left, let padding):
                let count = Int(min(left, Int64(rest.count)))
                extensionBytes.append(contentsOf: rest[..<count])
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                if left == Int64(count) {
                    try finishExtension(kind)
                    state = padding == 0 ? .header : .padding(padding)
                } else {
                    state = .extension_(kind: kind, left: left - Int64(count), padding: padding)
                }
            case .header, .sparseBlock, .sparseLines:
                let count = min(512 - block.count, rest.count)
                block.append(contentsOf: rest[..<count])
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                if block.count == 512 {
                    try wholeBlock()
                    block.removeAll(keepingCapacity: true)
                }
            }
        }
    }

    /// Says that no more bytes will come. An archive that stops inside a member is an error; a missing end marker is not.
    package mutating func finish() throws {
        switch state {
        case .ended: return
        case .header where block.isEmpty && records == nil && longName == nil && longLink == nil: return
        default: throw TarError.truncated
        }
    }

    private mutating func wholeBlock() throws {
        switch state {
        case .sparseBlock(let entry, var map, let stored):
            try addRegions(&map, at: 0, count: 21)
            try continueSparse(entry, map, stored: stored, hasMore: block[504] != 0)
        case .sparseLines(let entry, let map, let left, let lines): try sparseLines(entry, map, left, lines)
        default: try header()
        }
    }

    private mutating func header() throws {
        if block.allSatisfy({ $0 == 0 }) {
            zeroBlocks += 1
            if zeroBlocks == 2 { state = .ended }
            return
        }
        zeroBlocks = 0
        try verifyChecksum()
        let type = block[156]
        let size = try number(124, 12, "size")
        guard size >= 0 else { throw TarError.badHeader("negative size") }
        let padding = Int((512 - size % 512) % 512)
        switch type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard size <= Self.extensionLimit else { throw TarError.badHeader("extended header too large") }
            extensionBytes.removeAll(keepingCapacity: true)
            if size == 0 {
                try finishExtension(type)
            } else {
                state = .extension_(kind: type, left: size, padding: padding)
            }
        default: try member(type, size: size)
        }
    }

    private mutating func member(_ type: UInt8, size: Int64) throws {
        let records = self.records ?? PAXRecords()
        var entry = TarEntry(name: "")
        entry.kind = try kind(type)
        entry.size = try records.decimal("size") ?? size
        guard entry.size >= 0 else { throw TarError.badHeader("negative size") }
        entry.name = try records.path("path") ?? longName ?? headerName()
        entry.linkName = try records.path("linkpath") ?? longLink ?? text(157, 100)
        entry.mode = UInt32(truncatingIfNeeded: try number(100, 8, "mode")) & 0o7777
        entry.uid = try Self.unsigned(try records.decimal("uid") ?? number(108, 8, "uid"), "uid")
        entry.gid = try Self.unsigned(try records.decimal("gid") ?? number(116, 8, "gid"), "gid")
        if let time = try records.time() {
            (entry.modified, entry.modifiedNanoseconds) = time
        } else {
            entry.modified = try number(136, 12, "mtime")
        }
        if entry.kind == .characterDevice || entry.kind == .blockDevice {
            entry.deviceMajor = try Self.unsigned(try number(329, 8, "devmajor"), "devmajor")
            entry.deviceMinor = try Self.unsigned(try number(337, 8, "devminor"), "devminor")
        }
        entry.attributes = records.attributes
        // Old archives mark directories by the name alone.
        if entry.kind == .file, entry.name.bytes.last == UInt8(ascii: "/") { entry.kind = .directory }
        // Links, directories and devices have no content, whatever their size field says.
        if entry.kind != .file { entry.size = 0 }
        self.records = nil
        longName = nil
        longLink = nil
        if type == UInt8(ascii: "S") {
            var map = try SparseMap(size: try number(483, 12, "sparse size"))
            try addRegions(&map, at: 386, count: 4)
            try continueSparse(entry, map, stored: entry.size, hasMore: block[482] != 0)
        } else if records.isSparse {
            try beginSparse(entry, records)
        } else {
            try begin(entry, stored: entry.size)
        }
    }

    private mutating func begin(_ entry: TarEntry, stored: Int64) throws {
        try visitor.begin(entry)
        if stored == 0 {
            try endMember()
            state = .header
        } else {
            state = .content(left: stored, padding: Int((512 - stored % 512) % 512))
        }
    }

    private mutating func endMember() throws {
        try sparse?.finish(for: &visitor)
        sparse = nil
        try visitor.end()
    }

    private func kind(_ type: UInt8) throws -> TarEntry.Kind {
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"): .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        default: throw TarError.unsupported("member type \(type)")
        }
    }

    private func headerName() -> PathBytes {
        let name = text(0, 100)
        guard block[257..<262].elementsEqual("ustar".utf8), block[262] == 0 else { return name }
        let prefix = text(345, 155)
        return prefix.isEmpty ? name : PathBytes(prefix.bytes + [UInt8(ascii: "/")] + name.bytes)
    }

    private func text(_ offset: Int, _ length: Int) -> PathBytes {
        PathBytes(block[offset..<(offset + length)].prefix { $0 != 0 })
    }

    /// An octal field, or a base-256 one (GNU) when its first bit is set.
    private func number(_ offset: Int, _ length: Int, _ what: String) throws -> Int64 {
        let field = block[offset..<(offset + length)]
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (index, byte) in field.enumerated() {
                let bits = index == 0 ? Int64(byte & 0x3F) | (first & 0x40 != 0 ? ~0x3F : 0) : Int64(byte)
                if index == 0 {
                    value = bits
                } else {
                    let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                    if overflow { throw TarError.badHeader(what) }
                    value = product | bits
                }
            }
            return value
        }
        var value: Int64 = 0
        var seen = false
        for byte in field {
            if byte == 0 || byte == UInt8(ascii: " ") {
                if seen { break } else { continue }
            }
            guard (48...55).contains(byte) else { throw TarError.badHeader(what) }
            seen = true
            value = value << 3 | Int64(byte - 48)
        }
        return value
    }

    private func verifyChecksum() throws {
        let stored = try number(148, 8, "checksum")
        var sum: Int64 = 0
        // Some old programs added signed bytes.
        var signed: Int64 = 0
        for (index, byte) in block.enumerated() {
            let isChecksum = (148..<156).contains(index)
            sum += isChecksum ? 32 : Int64(byte)
            signed += isChecksum ? 32 : Int64(Int8(bitPattern: byte))
        }
        guard sum == stored || signed == stored else { throw TarError.badChecksum }
    }

    // MARK: sparse members

    /// Pairs of offset and length, twelve bytes each; an empty field ends them (GNU tar, tar.h, `struct sparse`).
    private func addRegions(_ map: inout SparseMap, at start: Int, count: Int) throws {
        for index in 0..<count {
            let place = start + 24 * index
            if block[place] == 0 { return }
            try map.add(try number(place, 12, "sparse map"), try number(place + 12, 12, "sparse map"))
        }
    }

    private mutating func continueSparse(_ entry: TarEntry, _ map: SparseMap, stored: Int64, hasMore: Bool) throws {
        if hasMore {
            state = .sparseBlock(entry, map, stored: stored)
            return
        }
        guard map.stored == stored else { throw TarError.badHeader("sparse map") }
        var entry = entry
        entry.size = map.size
        sparse = map
        try begin(entry, stored: stored)
    }

    /// PAX format 1.0, the one that GNU tar and libarchive write; older ones are not in use.
    private mutating func beginSparse(_ entry: TarEntry, _ records: PAXRecords) throws {
        guard entry.kind == .file, try records.decimal("GNU.sparse.major") == 1,
            try records.decimal("GNU.sparse.minor") == 0, let size = try records.decimal("GNU.sparse.realsize")
        else { throw TarError.unsupported("a sparse member of this format") }
        var entry = entry
        entry.name = try records.path("GNU.sparse.name") ?? entry.name
        extensionBytes.removeAll(keepingCapacity: true)
        state = .sparseLines(entry, try SparseMap(size: size), left: entry.size, lines: 0)
    }

    private mutating func sparseLines(_ entry: TarEntry, _ map: SparseMap, _ left: Int64, _ lines: Int) throws {
        guard left >= 512, extensionBytes.count < 8 << 20 else { throw TarError.badHeader("sparse map") }
        extensionBytes += block
        let lines = lines + block.count { $0 == UInt8(ascii: "\n") }
        let first = extensionBytes.prefix(20).prefix { $0 != UInt8(ascii: "\n") }
        guard let regions = Int(String(decoding: first, as: UTF8.self)), (0...SparseMap.limit).contains(regions) else {
            throw TarError.badHeader("sparse map")
        }
        if lines < 1 + 2 * regions {
            state = .sparseLines(entry, map, left: left - 512, lines: lines)
            return
        }
        var map = map
        try map.add(lines: extensionBytes)
        try continueSparse(entry, map, stored: left - 512, hasMore: false)
    }

    private mutating func finishExtension(_ kind: UInt8) throws {
        switch kind {
        case UInt8(ascii: "L"): longName = PathBytes(extensionBytes.prefix { $0 != 0 })
        case UInt8(ascii: "K"): longLink = PathBytes(extensionBytes.prefix { $0 != 0 })
        // Global headers say nothing that counts for a layer (git writes its commit there); all unpackers leave them out.
        case UInt8(ascii: "g"): _ = try PAXRecords(parsing: extensionBytes)
        // The last one before a member counts, alone: what is kept stays bounded.
        default: records = try PAXRecords(parsing: extensionBytes)
        }
        state = .header
    }

    private static func unsigned(_ value: Int64, _ what: String) throws(TarError) -> UInt32 {
        guard let result = UInt32(exactly: value) else { throw .badHeader(what) }
        return result
    }
}
