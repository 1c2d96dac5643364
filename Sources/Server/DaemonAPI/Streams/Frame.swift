// SPDX-License-Identifier: Apache-2.0
// Docker's multiplexed frames: stream, three zeros, length in big endian, bytes.
import Engine

enum Frame {
    /// Output as one frame; as it is where the client wants no frames.
    static func bytes(_ chunk: OutputChunk, isRaw: Bool) -> [UInt8] {
        if isRaw { return chunk.bytes }
        var out: [UInt8] = []
        out.reserveCapacity(chunk.bytes.count + 8)
        append(chunk.bytes[...], chunk.kind, to: &out)
        return out
    }

    /// A frame per line, as Docker sends logs: clients take a frame for a line.
    static func lines(_ chunk: OutputChunk, isRaw: Bool) -> [UInt8] {
        if isRaw { return chunk.bytes }
        var out: [UInt8] = []
        out.reserveCapacity(chunk.bytes.count + 256)
        var rest = chunk.bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 10).map { $0 + 1 } ?? rest.endIndex
            append(rest[..<end], chunk.kind, to: &out)
            rest = rest[end...]
        }
        return out
    }

    /// Versions before 1.42 call every stream raw.
    static func contentType(isRaw: Bool, _ version: APIVersion) -> String {
        isRaw || version < APIVersion(1, 42)
            ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream"
    }

    private static func append(_ bytes: ArraySlice<UInt8>, _ kind: StreamKind, to out: inout [UInt8]) {
        let count = UInt32(bytes.count)
        out.append(contentsOf: [kind.rawValue, 0, 0, 0])
        for shift: UInt32 in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: count >> shift)) }
        out.append(contentsOf: bytes)
    }
}
