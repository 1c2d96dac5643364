// SPDX-License-Identifier: Apache-2.0
// Sparse members, and maps that lie.
import Archive
import Testing

/// Content and holes as one text: `ab`, `·5`.
private struct Shape: TarVisitor {
    var text: [String] = []

    mutating func begin(_ entry: TarEntry) { text.append("\(entry.name) \(entry.size):") }
    mutating func content(_ bytes: UnsafeRawBufferPointer) {
        text[text.count - 1] += String(decoding: bytes, as: UTF8.self)
    }
    mutating func hole(_ count: Int64) { text[text.count - 1] += "·\(count)" }
    mutating func end() { text[text.count - 1] += ";" }
}

private func shape(_ bytes: [UInt8], chunk: Int) throws -> [String] {
    var reader = TarReader(visitor: Shape())
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = Array(rest.prefix(chunk))
        rest = rest.dropFirst(piece.count)
        try piece.withUnsafeBytes { try reader.feed($0) }
    }
    try reader.finish()
    return reader.visitor.text
}

private func octal(_ number: Int) -> [UInt8] {
    let digits = String(number, radix: 8)
    return Array((String(repeating: "0", count: 11 - digits.count) + digits).utf8) + [0]
}

/// As GNU tar writes it: four regions in the header, the others in blocks behind it.
private func gnuSparse(_ regions: [(Int, Int)], size: Int, content: [UInt8], after: [UInt8] = []) -> [UInt8] {
    var fields: [(Int, [UInt8])] = [(483, octal(size)), (482, [regions.count > 4 ? 1 : 0])]
    for (index, region) in regions.prefix(4).enumerated() {
        fields.append((386 + 24 * index, octal(region.0) + octal(region.1)))
    }
    var bytes = rawHeader("a", type: "S", fields: fields + [(257, Array("ustar  \0".utf8))], content: content.count)
    var rest = regions.dropFirst(4)
    while !rest.isEmpty {
        var block = rest.prefix(21).flatMap { octal($0.0) + octal($0.1) }
        rest = rest.dropFirst(21)
        block +=
            [UInt8](repeating: 0, count: 504 - block.count) + [rest.isEmpty ? 0 : 1] + [UInt8](repeating: 0, count: 7)
        bytes += block
    }
    return bytes + padded(content) + after
}

private func paxSparse(_ map: String, size: String, content: [UInt8]) -> [UInt8] {
    let body = padded(Array(map.utf8)) + content
    return pax([
        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "a"), ("GNU.sparse.realsize", size),
    ])
        + rawHeader("GNUSparseFile.1/a", content: body.count) + padded(body)
}

@Suite struct SparseTests {
    static let many = (0..<30).map { ($0 * 10, 1) }
    static let letters = Array("abcdefghijklmnopqrstuvwxyzABCD".utf8)

    static let good: [(String, [UInt8], String)] = [
        ("a hole first", gnuSparse([(100, 2)], size: 102, content: [97, 98]), "a 102:·100ab;"),
        ("a hole last", gnuSparse([(0, 2), (50, 0)], size: 50, content: [97, 98]), "a 50:ab·48;"),
        ("nothing but a hole", gnuSparse([(1 << 30, 0)], size: 1 << 30, content: []), "a 1073741824:·1073741824;"),
        ("empty", gnuSparse([], size: 0, content: []), "a 0:;"),
        (
            "thirty regions", gnuSparse(many, size: 291, content: letters),
            "a 291:" + letters.map { String(decoding: [$0], as: UTF8.self) }.joined(separator: "·9") + ";"
        ),
        ("PAX 1.0", paxSparse("2\n3\n1\n9\n2\n", size: "20", content: [97, 98, 99]), "a 20:·3a·5bc·9;"),
        ("PAX 1.0, a hole alone", paxSparse("1\n20\n0\n", size: "20", content: []), "a 20:·20;"),
        ("PAX 1.0, no region", paxSparse("0\n", size: "0", content: []), "a 0:;"),
    ]

    @Test(arguments: good) func reads(_ row: (String, [UInt8], String)) throws {
        // Whole, or in pieces that split blocks; a piece of one byte would split the text of the content too.
        for chunk in [7, 512, .max] {
            let found = try shape(row.1 + rawHeader("b"), chunk: chunk)
            #expect(found == [row.2, "b 0:;"], "\(row.0), \(chunk)")
        }
    }

    static let bad: [(String, [UInt8])] = [
        ("beyond the end", gnuSparse([(100, 2)], size: 101, content: [1, 2])),
        ("overlapping", gnuSparse([(0, 2), (1, 2)], size: 10, content: [1, 2, 3, 4])),
        ("backwards", gnuSparse([(5, 1), (0, 1)], size: 10, content: [1, 2])),
        ("more content than regions", gnuSparse([(0, 1)], size: 10, content: [1, 2])),
        ("less content than regions", gnuSparse([(0, 3)], size: 10, content: [1, 2])),
        ("no number", paxSparse("x\n", size: "1", content: [])),
        ("negative count", paxSparse("-1\n", size: "1", content: [])),
        ("too many", paxSparse("100001\n", size: "1", content: [])),
        ("negative offset", paxSparse("1\n-5\n1\n", size: "9", content: [1])),
        ("numbers missing", paxSparse("2\n0\n1\n", size: "9", content: [1])),
        (
            "overflow",
            paxSparse("2\n0\n9223372036854775807\n1\n9223372036854775807\n", size: "9223372036854775807", content: [1])
        ),
        ("negative size", paxSparse("0\n", size: "-1", content: [])),
        ("a map that never ends", paxSparse(String(repeating: "1", count: 600), size: "1", content: [])),
    ]

    @Test(arguments: bad) func refuses(_ row: (String, [UInt8])) {
        for chunk in [1, .max] {
            #expect(throws: TarError.self, "\(row.0)") { _ = try shape(row.1 + TarWriter.end, chunk: chunk) }
        }
    }

    @Test func visitorsWithoutHolesRefuse() {
        #expect(throws: TarError.unsupported("a sparse member")) {
            _ = try readTar(gnuSparse([(100, 2)], size: 102, content: [1, 2]))
        }
    }
}
