// SPDX-License-Identifier: Apache-2.0
// The Engine API's multiplexed stream: eight bytes of header (stream, three zeros, big-endian length), then the payload.
import DockerClient

/// Splits a byte stream into frames, whatever the pieces it arrives in.
struct FrameReader {
    private var header: [UInt8] = []
    private var remaining = 0
    private var stream: UInt8 = 0
    private var systemError: [UInt8] = []

    mutating func feed(_ bytes: ArraySlice<UInt8>, _ emit: (UInt8, ArraySlice<UInt8>) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            if remaining == 0 {
                let part = rest.prefix(8 - header.count)
                header += part
                rest = rest.dropFirst(part.count)
                guard header.count == 8 else { return }
                stream = header[0]
                guard stream <= 3 else { throw CommandError("unrecognized input header: \(stream)") }
                remaining = header[4...].reduce(0) { $0 << 8 | Int($1) }
                header = []
                if remaining == 0 { continue }
            }
            let part = rest.prefix(remaining)
            if part.isEmpty { return }
            if stream == 3 { systemError += part } else { try emit(stream, part) }
            remaining -= part.count
            rest = rest.dropFirst(part.count)
            if stream == 3, remaining == 0 {
                throw CommandError("error from daemon in stream: " + String(decoding: systemError, as: UTF8.self))
            }
        }
    }
}
