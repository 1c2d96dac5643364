// SPDX-License-Identifier: Apache-2.0
// Network links as the kernel lists them.

/// One network interface.
package struct Link: Sendable, Equatable {
    package let index: Int32
    package let name: String
    /// `bridge`, `veth`, `dummy` …; nil for hardware and loopback.
    package let kind: String?
    package let isUp: Bool
    package let hardwareAddress: [UInt8]
    /// Index of the bridge this link is a port of.
    package let master: Int32?
    package let mtu: Int
    /// In a container's namespace: index of the veth's other end.
    package let peerIndex: Int32?

    init?(_ reply: NetlinkReply) {
        guard reply.type == LinkMessage.new, let index = reply.payload.number(at: 4, as: Int32.self),
            let flags = reply.payload.number(at: 8, as: UInt32.self)
        else { return nil }
        let attributes = reply.attributes(after: LinkMessage.fixedSize)
        guard let name = attributes.string(LinkMessage.name) else { return nil }
        self.index = index
        self.name = name
        kind = attributes.nested(LinkMessage.linkInfo)?.string(LinkMessage.infoKind)
        isUp = flags & LinkMessage.up != 0
        hardwareAddress = attributes.bytes(LinkMessage.address).map { Array($0) } ?? []
        master = attributes.number(LinkMessage.master, as: Int32.self)
        mtu = Int(attributes.number(LinkMessage.mtu, as: UInt32.self) ?? 0)
        peerIndex = attributes.number(LinkMessage.link, as: Int32.self)
    }
}

/// Numbers of linux/rtnetlink.h, linux/if_link.h and linux/veth.h: kernel interface, they never change.
enum LinkMessage {
    static let new: UInt16 = 16
    static let delete: UInt16 = 17
    static let get: UInt16 = 18
    static let set: UInt16 = 19
    /// Size of `ifinfomsg`.
    static let fixedSize = 16
    /// IFF_UP
    static let up: UInt32 = 1
    static let address: UInt16 = 1
    static let name: UInt16 = 3
    static let mtu: UInt16 = 4
    static let link: UInt16 = 5
    static let master: UInt16 = 10
    static let protocolInfo: UInt16 = 12
    static let linkInfo: UInt16 = 18
    static let netNamespaceDescriptor: UInt16 = 28
    static let infoKind: UInt16 = 1
    static let infoData: UInt16 = 2
    static let vethPeer: UInt16 = 1
    /// IFLA_BRPORT_ISOLATED
    static let portIsolated: UInt16 = 33
    /// IFLA_BRPORT_MODE
    static let portHairpin: UInt16 = 4
    /// NLA_F_NESTED, which strict attributes require.
    static let nested: UInt16 = 0x8000
}

extension NetlinkMessage {
    /// Appends `ifinfomsg`.
    mutating func appendLinkHeader(family: UInt8 = 0, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(family)
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(flags)
        append(change)
    }
}
