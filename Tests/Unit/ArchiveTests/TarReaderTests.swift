// SPDX-License-Identifier: Apache-2.0
// Reading tar: what other programs write, and what an attacker would.
import Archive
import Testing

/// Keeps what it is given.
struct Collected: TarVisitor {
    var entries: [TarEntry] = []
    var contents: [[UInt8]] = []

    mutating func begin(_ entry: TarEntry) {
        entries.append(entry)
        contents.append([])
    }

    mutating func content(_ bytes: UnsafeRawBufferPointer) { contents[contents.count - 1] += bytes }

    mutating func end() {}
}

func readTar(_ bytes: [UInt8], chunk: Int = .max) throws -> Collected {
    var reader = TarReader(visitor: Collected())
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = Array(rest.prefix(chunk))
        rest = rest.dropFirst(piece.count)
        try piece.withUnsafeBytes { try reader.feed($0) }
    }
    try reader.finish()
    return reader.visitor
}

/// A header block with fields set by hand and a right checksum.
func rawHeader(
    _ name: String, type: Character = "0", size: [UInt8]? = nil, fields: [(Int, [UInt8])] = [], content: Int = 0
) -> [UInt8] {
    var block = [UInt8](TarWriter.header(TarEntry(name: PathBytes(name), size: Int64(content))).suffix(512))
    func put(_ bytes: [UInt8], _ offset: Int) {
        for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
    }
    put(Array(String(type).utf8), 156)
    if let size { put(size, 124) }
    for (offset, bytes) in fields { put(bytes, offset) }
    put(Array("        ".utf8), 148)
    var digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    put(Array(digits.utf8) + [0, 32], 148)
    return block
}

func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + TarWriter.padding(for: Int64(bytes.count)) }

func pax(_ records: [(String, String)], type: Character = "x") -> [UInt8] {
    var body: [UInt8] = []
    for (key, value) in records {
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + String(rest).count
        if rest + String(length).count != length { length += 1 }
        body += Array("\(length) \(key)=\(value)\n".utf8)
    }
    return rawHeader("pax", type: type, content: body.count) + padded(body)
}

func gnu(_ type: Character, _ name: String) -> [UInt8] {
    let body = Array(name.utf8) + [0]
    return rawHeader("././@LongLink", type: type, content: body.count) + padded(body)
}

/// A base-256 field of twelve bytes.
func base256(_ bytes: [UInt8]) -> [UInt8] { [0x80] + [UInt8](repeating: 0, count: 11 - bytes.count) + bytes }

@Suite struct TarReaderTests {
    static let long = String(repeating: "d/", count: 80) + "file"

    /// Archive and what its last member must be called, link to, and hold.
    static let good: [(String, [UInt8], String, String, Int)] = [
        ("ustar", rawHeader("a", content: 3) + padded([1, 2, 3]), "a", "", 3),
        ("v7, no magic", rawHeader("a", fields: [(257, [UInt8](repeating: 0, count: 8))]), "a", "", 0),
        ("prefix", rawHeader("a", fields: [(345, Array("some/where".utf8))]), "some/where/a", "", 0),
        (
            "prefix means times in old GNU headers",
            rawHeader("a", fields: [(257, Array("ustar  \0".utf8)), (345, Array("12345".utf8))]), "a", "", 0
        ),
        ("GNU long name", gnu("L", long) + rawHeader("short"), long, "", 0),
        ("GNU long link", gnu("K", long) + rawHeader("short", type: "2"), "short", long, 0),
        ("pax path", pax([("path", long)]) + rawHeader("short"), long, "", 0),
        ("pax linkpath", pax([("linkpath", long)]) + rawHeader("short", type: "1"), "short", long, 0),
        ("pax wins over GNU", gnu("L", "gnu") + pax([("path", "pax")]) + rawHeader("short"), "pax", "", 0),
        ("empty pax value keeps the header's", pax([("path", "")]) + rawHeader("short"), "short", "", 0),
        ("the later record wins", pax([("path", "one"), ("path", "two")]) + rawHeader("short"), "two", "", 0),
        (
            "the later header wins alone", pax([("path", "one")]) + pax([("uid", "7")]) + rawHeader("short"), "short",
            "", 0
        ),
        ("pax size", pax([("size", "3")]) + rawHeader("a", content: 0) + padded([1, 2, 3]), "a", "", 3),
        ("pax size smaller", pax([("size", "2")]) + rawHeader("a", content: 700) + padded([1, 2]), "a", "", 2),
        ("base-256 size", rawHeader("a", size: base256([3])) + padded([1, 2, 3]), "a", "", 3),
        ("global headers are left out", pax([("path", "global")], type: "g") + rawHeader("a"), "a", "", 0),
        ("old folder", rawHeader("folder/"), "folder/", "", 0),
        ("links have no content", rawHeader("a", type: "1", content: 512), "a", "", 0),
        ("one zero block between", rawHeader("a") + [UInt8](repeating: 0, count: 512) + rawHeader("b"), "b", "", 0),
        ("garbage behind the end", rawHeader("a") + TarWriter.end + [UInt8](repeating: 7, count: 999), "a", "", 0),
        ("contiguous file", rawHeader("a", type: "7", content: 1) + padded([1]), "a", "", 1),
        (
            "spaces before the number", rawHeader("a", size: Array("          3\0".utf8)) + padded([1, 2, 3]), "a", "",
            3
        ),
    ]

    @Test(arguments: good) func reads(_ row: (String, [UInt8], String, String, Int)) throws {
        for chunk in [1, 511, 513, .max] {
            let found = try readTar(row.1, chunk: chunk)
            let last = try #require(found.entries.last)
            #expect(last.name.description == row.2, "\(row.0)")
            #expect(last.linkName.description == row.3, "\(row.0)")
            #expect(found.contents.last?.count == row.4, "\(row.0)")
        }
    }

    static let bad: [(String, [UInt8], TarError)] = [
        ("truncated header", Array(rawHeader("a").prefix(511)), .truncated),
        ("truncated content", rawHeader("a", content: 600) + [UInt8](repeating: 1, count: 599), .truncated),
        ("truncated padding", rawHeader("a", content: 3) + [1, 2, 3], .truncated),
        ("truncated extension", Array(pax([("path", "x")]).prefix(515)), .truncated),
        ("extension without a member", pax([("path", "x")]), .truncated),
        ("GNU name without a member", gnu("L", "x"), .truncated),
        ("checksum", rawHeader("a").enumerated().map { $0 == 0 ? 98 : $1 }, .badChecksum),
        ("no tar at all", [UInt8](repeating: 0x41, count: 512), .badHeader("checksum")),
        ("negative size", rawHeader("a", size: [UInt8](repeating: 0xFF, count: 12)), .badHeader("negative size")),
        ("size beyond 64 bits", rawHeader("a", size: [0x81] + [UInt8](repeating: 0xFF, count: 11)), .badHeader("size")),
        ("no octal size", rawHeader("a", size: Array("000000000zz\0".utf8)), .badHeader("size")),
        ("minus in octal", rawHeader("a", size: Array("-0000000001\0".utf8)), .badHeader("size")),
        ("pax negative size", pax([("size", "-1")]) + rawHeader("a"), .badHeader("negative size")),
        ("pax size beyond 64 bits", pax([("size", "9223372036854775808")]) + rawHeader("a"), .badHeader("size")),
        ("pax size no number", pax([("size", "1e3")]) + rawHeader("a"), .badHeader("size")),
        ("zero in a pax path", pax([("path", "a\0b")]) + rawHeader("a"), .badHeader("path")),
        ("zero in a pax key", pax([("pa\0th", "b")]) + rawHeader("a"), .badHeader("PAX record")),
        ("uid beyond 32 bits is not root", pax([("uid", "4294967296")]) + rawHeader("a"), .badHeader("uid")),
        ("negative gid", pax([("gid", "-1")]) + rawHeader("a"), .badHeader("gid")),
        (
            "device beyond 32 bits", rawHeader("a", type: "3", fields: [(329, [0x80, 0, 0, 1, 0, 0, 0, 0])]),
            .badHeader("devmajor")
        ),
        (
            "lowest time with a fraction", pax([("mtime", "-9223372036854775808.5")]) + rawHeader("a"),
            .badHeader("mtime")
        ),
        ("time no number", pax([("mtime", "soon")]) + rawHeader("a"), .badHeader("mtime")),
        ("sign in a fraction", pax([("mtime", "1.-5")]) + rawHeader("a"), .badHeader("mtime")),
        (
            "extension larger than 1 MiB", rawHeader("x", type: "x", content: (1 << 20) + 1),
            .badHeader("extended header too large")
        ),
        (
            "GNU name larger than 1 MiB", rawHeader("x", type: "L", size: base256([0x7F, 0, 0, 0, 0])),
            .badHeader("extended header too large")
        ),
        (
            "pax sparse of an old format", pax([("GNU.sparse.major", "0")]) + rawHeader("a"),
            .unsupported("a sparse member of this format")
        ),
        ("unknown type", rawHeader("a", type: "Q"), .unsupported("member type 81")),
    ]

    @Test(arguments: bad) func refuses(_ row: (String, [UInt8], TarError)) {
        for chunk in [1, 512, .max] {
            #expect(throws: row.2, "\(row.0)") { _ = try readTar(row.1, chunk: chunk) }
        }
    }

    static let records = [
        "5 a=b\n6 c=d\n", "3 a\n", "99 a=b\n", "x a=b\n", "-6 a=b\n", "6 a=bX", "6=a b\n", "4 =\n", "0 a=b\n",
    ]

    @Test(arguments: records) func refusesRecords(_ text: String) {
        let body = Array(text.utf8)
        #expect(throws: TarError.badHeader("PAX record")) {
            _ = try readTar(rawHeader("x", type: "x", content: body.count) + padded(body) + rawHeader("a"))
        }
    }

    @Test(arguments: [
        ("1.5", 1, 500_000_000), ("-1.25", -2, 750_000_000), ("-0.75", -1, 250_000_000),
        ("0.123456789123", 0, 123_456_789),
        ("1700000000", 1_700_000_000, 0), ("-3", -3, 0),
    ]) func times(_ text: String, _ seconds: Int64, _ nanoseconds: Int64) throws {
        let entry = try #require(try readTar(pax([("mtime", text)]) + rawHeader("a")).entries.first)
        #expect(entry.modified == seconds)
        #expect(entry.modifiedNanoseconds == nanoseconds)
    }

    /// A hundred thousand headers that no member follows must not be kept.
    @Test func extensionsAreNotAddedUp() throws {
        var reader = TarReader(visitor: Collected())
        for index in 0..<20_000 {
            let bytes = pax([("SCHILY.xattr.user.\(index)", String(repeating: "x", count: 400))])
            try bytes.withUnsafeBytes { try reader.feed($0) }
        }
        try rawHeader("a").withUnsafeBytes { try reader.feed($0) }
        #expect(reader.visitor.entries.first?.attributes.count == 1)
    }

    @Test func namesAreBytes() throws {
        let latin = rawHeader("x", fields: [(0, [0x66, 0xE9])])
        let other = rawHeader("x", fields: [(0, [0x66, 0xE8])])
        let found = try readTar(latin + other).entries.map(\.name)
        #expect(found == [PathBytes([0x66, 0xE9] as [UInt8]), PathBytes([0x66, 0xE8] as [UInt8])])
    }

    /// A bit of each byte flipped: an error or a member, never a crash, never more than one member.
    @Test func survivesFlippedBits() {
        let archive =
            pax([("path", "some/name"), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "b")])
            + rawHeader("a", content: 5) + padded([1, 2, 3, 4, 5]) + TarWriter.end
        for index in archive.indices {
            var broken = archive
            broken[index] ^= 1 << UInt8(index % 8)
            if let found = try? readTar(broken) { #expect(found.entries.count <= 1) }
        }
    }
}
