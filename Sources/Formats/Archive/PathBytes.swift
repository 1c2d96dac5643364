// SPDX-License-Identifier: Apache-2.0
// Names of files as Linux has them: bytes, in no particular encoding.

/// A name or link target of a member. It is not a `String`: a name in Latin-1 would not survive, and two of them could
/// become the same one.
package struct PathBytes: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    package init(_ text: String) { bytes = Array(text.utf8) }

    package var isEmpty: Bool { bytes.isEmpty }

    /// The parts between slashes; empty ones and `.` left out, `..` taking the part before it away. Nil when that leads
    /// above the start.
    package var components: [PathBytes]? {
        var parts: [PathBytes] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8) {
                guard parts.popLast() != nil else { return nil }
            } else {
                parts.append(PathBytes(part))
            }
        }
        return parts
    }

    package static func joining(_ parts: some Collection<PathBytes>) -> PathBytes {
        PathBytes(parts.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
    }

    /// Calls `body` with the bytes and a zero behind them. The name must hold no zero of its own.
    package func withCString<T>(_ body: (UnsafePointer<CChar>) throws -> T) rethrows -> T {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
            UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
            buffer[bytes.count] = 0
            guard let base = buffer.baseAddress else { preconditionFailure("one byte at least has an address") }
            return try body(base)
        }
    }
}

extension PathBytes: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral text: String) { self.init(text) }

    /// For messages: what is no UTF-8 is shown as U+FFFD.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}
