// SPDX-License-Identifier: Apache-2.0
// Reads what the kernel sends: messages out of a datagram, attributes out of a message. Never beyond the end.

/// One received message.
package struct NetlinkReply: Sendable {
    package let type: UInt16
    package let flags: UInt16
    package let sequence: UInt32
    package let payload: ArraySlice<UInt8>

    /// Splits a datagram; a message that claims more than there is ends the walk.
    package static func split(_ datagram: [UInt8]) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var rest = datagram[...]
        while let length = rest.number(at: 0, as: UInt32.self).map(Int.init), length >= NetlinkMessage.headerSize,
            length <= rest.count, let type = rest.number(at: 4, as: UInt16.self),
            let flags = rest.number(at: 6, as: UInt16.self), let sequence = rest.number(at: 8, as: UInt32.self)
        {
            let payload = rest.dropFirst(NetlinkMessage.headerSize).prefix(length - NetlinkMessage.headerSize)
            replies.append(NetlinkReply(type: type, flags: flags, sequence: sequence, payload: payload))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return replies
    }

    /// The attributes after a fixed part of `offset` bytes.
    package func attributes(after offset: Int) -> NetlinkAttributes {
        NetlinkAttributes(payload.dropFirst((offset + 3) & ~3))
    }
}

/// Attributes by type. A type that occurs twice keeps its last value, as in the kernel.
package struct NetlinkAttributes: Sendable {
    private var values: [UInt16: ArraySlice<UInt8>] = [:]

    package init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let length = rest.number(at: 0, as: UInt16.self).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.number(at: 2, as: UInt16.self)
        {
            // The two highest bits say "nested" and "network order".
            values[type & 0x3fff] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    package func bytes(_ type: UInt16) -> ArraySlice<UInt8>? { values[type] }

    package func number<T: FixedWidthInteger>(_ type: UInt16, as kind: T.Type) -> T? {
        values[type]?.number(at: 0, as: kind)
    }

    package func string(_ type: UInt16) -> String? {
        values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    package func nested(_ type: UInt16) -> NetlinkAttributes? { values[type].map { NetlinkAttributes($0) } }
}

extension ArraySlice<UInt8> {
    /// The number in host byte order `offset` bytes from the start, if there is one.
    package func number<T: FixedWidthInteger>(at offset: Int, as _: T.Type) -> T? {
        guard count >= offset + MemoryLayout<T>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }
}
