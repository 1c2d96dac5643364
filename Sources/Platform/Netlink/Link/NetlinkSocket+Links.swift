// SPDX-License-Identifier: Apache-2.0
// Making, changing, listing and deleting links (rtnetlink(7)).
import Glibc

/// A veth pair: one end here, the other in a namespace.
package struct VethPair: Sendable {
    package var name: String
    /// The bridge this end becomes a port of.
    package var master: Int32
    package var peerName: String
    package var peerAddress: [UInt8]
    package var peerNamespace: Int32
    package var mtu: Int?

    package init(
        name: String, master: Int32, peerName: String, peerAddress: [UInt8], peerNamespace: Int32, mtu: Int? = nil
    ) {
        self.name = name
        self.master = master
        self.peerName = peerName
        self.peerAddress = peerAddress
        self.peerNamespace = peerNamespace
        self.mtu = mtu
    }
}

extension NetlinkSocket {
    package func links() throws -> [Link] {
        var message = NetlinkMessage(LinkMessage.get, .dump)
        message.appendLinkHeader()
        return try query("list links", message).compactMap(Link.init)
    }

    /// The link of that name, or nil.
    package func link(named name: String) throws -> Link? {
        var message = NetlinkMessage(LinkMessage.get, [])
        message.appendLinkHeader()
        message.attribute(LinkMessage.name, name)
        do {
            return try query("link \(name)", message).compactMap(Link.init).first
        } catch let error as NetlinkError where error.code == ENODEV {
            return nil
        }
    }

    /// Makes a bridge, up, with this hardware address.
    package func createBridge(_ name: String, address: [UInt8], mtu: Int? = nil) throws {
        try create("bridge", name, up: true) {
            $0.attribute(LinkMessage.address, bytes: address)
            if let mtu { $0.attribute(LinkMessage.mtu, UInt32(mtu)) }
        }
    }

    package func createDummy(_ name: String) throws { try create("dummy", name, up: false) { _ in } }

    /// Makes both ends in place and named, this one up, with one message. The kernel refuses to take the peer up before
    /// the two know each other (ENOTCONN).
    package func createVeth(_ pair: VethPair) throws {
        var message = NetlinkMessage(LinkMessage.new, [.create, .exclusive, .acknowledge])
        message.appendLinkHeader(flags: LinkMessage.up, change: LinkMessage.up)
        message.attribute(LinkMessage.name, pair.name)
        message.attribute(LinkMessage.master, pair.master)
        if let mtu = pair.mtu { message.attribute(LinkMessage.mtu, UInt32(mtu)) }
        message.nest(LinkMessage.linkInfo) {
            $0.attribute(LinkMessage.infoKind, "veth")
            $0.nest(LinkMessage.infoData) {
                $0.nest(LinkMessage.vethPeer) {
                    $0.appendLinkHeader()
                    $0.attribute(LinkMessage.name, pair.peerName)
                    $0.attribute(LinkMessage.address, bytes: pair.peerAddress)
                    $0.attribute(LinkMessage.netNamespaceDescriptor, UInt32(bitPattern: pair.peerNamespace))
                    if let mtu = pair.mtu { $0.attribute(LinkMessage.mtu, UInt32(mtu)) }
                }
            }
        }
        try perform("create veth \(pair.name)", message)
    }

    /// Takes a link up or down.
    package func setLink(_ index: Int32, up: Bool) throws {
        var message = NetlinkMessage(LinkMessage.new, .acknowledge)
        message.appendLinkHeader(index: index, flags: up ? LinkMessage.up : 0, change: LinkMessage.up)
        try perform("set link \(index) \(up ? "up" : "down")", message)
    }

    /// Renames a link. Older kernels want it down for that.
    package func renameLink(_ index: Int32, to name: String) throws {
        var message = NetlinkMessage(LinkMessage.new, .acknowledge)
        message.appendLinkHeader(index: index)
        message.attribute(LinkMessage.name, name)
        try perform("rename link \(index) to \(name)", message)
    }

    /// Makes a link the port of a bridge (0: of none).
    package func setMaster(ofLink index: Int32, to master: Int32) throws {
        var message = NetlinkMessage(LinkMessage.new, .acknowledge)
        message.appendLinkHeader(index: index)
        message.attribute(LinkMessage.master, master)
        try perform("attach link \(index) to \(master)", message)
    }

    /// Settings of a bridge's port: an isolated one reaches the bridge itself but no other isolated port; a hairpin port
    /// may get back what it sent.
    package func setPort(_ index: Int32, isolated: Bool, hairpin: Bool) throws {
        var message = NetlinkMessage(LinkMessage.set, .acknowledge)
        message.appendLinkHeader(family: UInt8(AF_BRIDGE), index: index)
        message.nest(LinkMessage.protocolInfo | LinkMessage.nested) {
            if isolated { $0.attribute(LinkMessage.portIsolated, UInt8(1)) }
            if hairpin { $0.attribute(LinkMessage.portHairpin, UInt8(1)) }
        }
        try perform("set bridge port \(index)", message)
    }

    /// Deletes a link; of a veth pair both ends go, which costs some 14 ms. A link that is gone already is no error.
    package func deleteLink(named name: String) throws {
        var message = NetlinkMessage(LinkMessage.delete, .acknowledge)
        message.appendLinkHeader()
        message.attribute(LinkMessage.name, name)
        do {
            try perform("delete link \(name)", message)
        } catch let error as NetlinkError where error.code == ENODEV {}
    }

    private func create(
        _ kind: String, _ name: String, up: Bool, _ attributes: (inout NetlinkMessage) -> Void
    ) throws {
        var message = NetlinkMessage(LinkMessage.new, [.create, .exclusive, .acknowledge])
        message.appendLinkHeader(flags: up ? LinkMessage.up : 0, change: up ? LinkMessage.up : 0)
        message.attribute(LinkMessage.name, name)
        attributes(&message)
        message.nest(LinkMessage.linkInfo) { $0.attribute(LinkMessage.infoKind, kind) }
        try perform("create \(kind) \(name)", message)
    }
}
