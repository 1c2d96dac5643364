// SPDX-License-Identifier: Apache-2.0
// Builds netlink messages: header, fixed part, attributes as they are nested. Sizes and padding are done here.

/// One request to the kernel (netlink(7)). Everything is host byte order unless the caller passes bytes.
package struct NetlinkMessage: Sendable {
    /// Flags of `nlmsghdr` (linux/netlink.h).
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let request = Flags(rawValue: 0x1)
        package static let acknowledge = Flags(rawValue: 0x4)
        package static let dump = Flags(rawValue: 0x300)
        package static let replace = Flags(rawValue: 0x100)
        package static let exclusive = Flags(rawValue: 0x200)
        package static let create = Flags(rawValue: 0x400)
    }

    static let headerSize = 16

    package let type: UInt16
    package let flags: Flags
    package private(set) var bytes: [UInt8]

    package init(_ type: UInt16, _ flags: Flags) {
        self.type = type
        self.flags = flags.union(.request)
        bytes = [UInt8](repeating: 0, count: Self.headerSize)
        bytes.reserveCapacity(256)
    }

    /// Appends to the fixed part.
    package mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    package mutating func attribute(_ type: UInt16, bytes value: some Collection<UInt8>) {
        append(UInt16(4 + value.count))
        append(type)
        bytes.append(contentsOf: value)
        pad()
    }

    package mutating func attribute(_ type: UInt16, _ value: some FixedWidthInteger) {
        append(UInt16(4 + value.bitWidth / 8))
        append(type)
        append(value)
        pad()
    }

    /// A string attribute, zero terminated.
    package mutating func attribute(_ type: UInt16, _ value: String) {
        attribute(type, bytes: Array(value.utf8) + [0])
    }

    /// An attribute made of what `body` appends.
    package mutating func nest(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(type)
        body(&self)
        let length = UInt16(bytes.count - start)
        withUnsafeBytes(of: length) { bytes.replaceSubrange(start..<start + 2, with: $0) }
        pad()
    }

    /// The finished message.
    package func encoded(sequence: UInt32) -> [UInt8] {
        var header: [UInt8] = []
        func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value) { header.append(contentsOf: $0) } }
        put(UInt32(bytes.count))
        put(type)
        put(flags.rawValue)
        put(sequence)
        put(UInt32(0))
        return header + bytes.dropFirst(Self.headerSize)
    }

    private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
}
