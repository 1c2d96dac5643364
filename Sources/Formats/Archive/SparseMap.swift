// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a sparse member lie in its file (GNU tar manual, "Storing Sparse Files").

/// The regions with content, in order; all else of the file is a hole.
struct SparseMap {
    private struct Region {
        var offset: Int64
        var length: Int64
    }

    static let limit = 100_000

    let size: Int64
    private var regions: [Region] = []
    private var next = 0
    private var taken: Int64 = 0
    private var position: Int64 = 0

    init(size: Int64) throws(TarError) {
        guard size >= 0 else { throw .badHeader("sparse size") }
        self.size = size
    }

    /// Bytes of content in all regions. No overflow: they lie one behind the other below `size`.
    var stored: Int64 { regions.reduce(0) { $0 + $1.length } }

    /// Regions come in order and do not overlap.
    mutating func add(_ offset: Int64, _ length: Int64) throws(TarError) {
        let end = regions.last.map { $0.offset + $0.length } ?? 0
        guard regions.count < Self.limit, offset >= end, length >= 0, offset <= size, length <= size - offset else {
            throw .badHeader("sparse map")
        }
        regions.append(Region(offset: offset, length: length))
    }

    /// The map at the start of the content (PAX format 1.0): decimal numbers, a line each, their count first.
    mutating func add(lines bytes: [UInt8]) throws(TarError) {
        var numbers: [Int64] = []
        for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2 * Self.limit + 1) {
            guard let number = Int64(String(decoding: line, as: UTF8.self)), number >= 0 else { break }
            numbers.append(number)
        }
        guard let count = numbers.first, count <= Self.limit, numbers.count > 2 * Int(count) else {
            throw .badHeader("sparse map")
        }
        for index in 0..<Int(count) { try add(numbers[1 + 2 * index], numbers[2 + 2 * index]) }
    }

    /// Hands out the next stored bytes, with the holes before them.
    mutating func take(_ bytes: UnsafeRawBufferPointer, for visitor: inout some TarVisitor) throws {
        var rest = bytes
        while !rest.isEmpty, next < regions.count {
            let region = regions[next]
            if taken == region.length {
                next += 1
                taken = 0
                continue
            }
            try skip(to: region.offset + taken, for: &visitor)
            let count = Int(min(region.length - taken, Int64(rest.count)))
            try visitor.content(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            taken += Int64(count)
            position += Int64(count)
        }
    }

    /// The hole behind the last region.
    mutating func finish(for visitor: inout some TarVisitor) throws { try skip(to: size, for: &visitor) }

    private mutating func skip(to offset: Int64, for visitor: inout some TarVisitor) throws {
        guard offset > position else { return }
        try visitor.hole(offset - position)
        position = offset
    }
}
