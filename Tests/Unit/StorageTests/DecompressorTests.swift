// SPDX-License-Identifier: Apache-2.0
// gzip, zstd and plain layers, whole, in many members, broken, and as bombs.
import CZlib
import CZstd
import Primitives
import Storage
import Testing

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    // 16 more bits of window mean a gzip header (zlib.h).
    guard
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return [] }
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 10 + 100)
    let count = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            _ = deflate(&stream, Z_FINISH)
            return output.count - Int(stream.avail_out)
        }
    }
    return Array(output.prefix(count))
}

func zstd(_ bytes: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
    return Array(output.prefix(count))
}

@Suite struct DecompressorTests {
    static let plain = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    static let half = Array(plain[..<50_000])
    static let rest = Array(plain[50_000...])

    private func decompress(_ bytes: [UInt8], chunk: Int = .max) throws -> [UInt8] {
        let decompressor = Decompressor()
        var out: [UInt8] = []
        var left = bytes[...]
        while !left.isEmpty {
            let piece = Array(left.prefix(chunk))
            left = left.dropFirst(piece.count)
            try piece.withUnsafeBytes { try decompressor.write($0) { out += $0 } }
        }
        try decompressor.finish { out += $0 }
        return out
    }

    static let good: [(String, [UInt8], [UInt8])] = [
        ("nothing", [], []),
        ("one byte", [7], [7]),
        ("plain", plain, plain),
        ("gzip", gzip(plain), plain),
        ("gzip of nothing", gzip([]), []),
        ("gzip members", gzip(half) + gzip(rest), plain),
        ("gzip members, one empty", gzip(half) + gzip([]) + gzip(rest), plain),
        ("gzip, zeros behind", gzip(plain) + [UInt8](repeating: 0, count: 1000), plain),
        ("zstd", zstd(plain), plain),
        ("zstd frames", zstd(half) + zstd(rest), plain),
        ("zstd, skippable frame between", zstd(half) + [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9] + zstd(rest), plain),
    ]

    @Test(arguments: good) func reads(_ row: (String, [UInt8], [UInt8])) throws {
        for chunk in [1, 3, 1000, .max] { #expect(try decompress(row.1, chunk: chunk) == row.2, "\(row.0), \(chunk)") }
    }

    private static func changed(_ bytes: [UInt8], at index: Int) -> [UInt8] {
        var bytes = bytes
        bytes[index < 0 ? bytes.count + index : index] ^= 0x55
        return bytes
    }

    static let bad: [(String, [UInt8])] = [
        ("gzip, truncated", Array(gzip(plain).dropLast(1))),
        ("gzip, header alone", Array(gzip(plain).prefix(5))),
        ("gzip, header of the second member", gzip(plain) + [0x1F, 0x8B, 8]),
        ("gzip, wrong sum", changed(gzip(plain), at: -5)),
        ("gzip, wrong length", changed(gzip(plain), at: -1)),
        ("gzip, unknown method", changed(gzip(plain), at: 2)),
        ("gzip, garbage behind", gzip(plain) + Array("garbage that is no member".utf8)),
        ("gzip, garbage inside", changed(gzip(half) + gzip(rest), at: gzip(half).count)),
        ("zstd, truncated", Array(zstd(plain).dropLast(1))),
        ("zstd, garbage behind", zstd(plain) + Array("garbage".utf8)),
        ("zstd, window of 2 GiB", [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x09, 0x00, 0x00, 0x41]),
    ]

    @Test(arguments: bad) func refuses(_ row: (String, [UInt8])) {
        for chunk in [1, 1000, .max] {
            #expect(throws: EngineError.self, "\(row.0), \(chunk)") { _ = try decompress(row.1, chunk: chunk) }
        }
    }

    /// 256 MiB of zeros in 256 KiB: they come in small pieces, whoever takes them may stop.
    @Test func bombsComeInPieces() throws {
        let member = gzip([UInt8](repeating: 0, count: 4 << 20))
        var total = 0
        let decompressor = Decompressor()
        for _ in 0..<64 {
            try member.withUnsafeBytes { bytes in
                try decompressor.write(bytes) { piece in
                    #expect(piece.count <= 256 << 10)
                    total += piece.count
                }
            }
        }
        #expect(total == 256 << 20)
    }
}
