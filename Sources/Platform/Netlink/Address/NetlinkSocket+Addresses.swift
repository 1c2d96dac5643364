// SPDX-License-Identifier: Apache-2.0
// Addresses of links.
import Glibc
package import Primitives

/// An address on a link.
package struct LinkAddress: Sendable, Hashable {
    package let link: Int32
    package let address: CIDR
}

extension NetlinkSocket {
    /// Adds an address; IPv4 gets its broadcast address. Existing: no error.
    package func addAddress(_ address: CIDR, toLink link: Int32) throws {
        var message = addressMessage(20, [.create, .exclusive, .acknowledge], address, link)
        if address.address.isV4, address.prefix < 31 { message.attribute(4, bytes: address.last.bytes) }
        do {
            try perform("add address \(address)", message)
        } catch let error as NetlinkError where error.code == EEXIST {}
    }

    package func removeAddress(_ address: CIDR, fromLink link: Int32) throws {
        try perform("remove address \(address)", addressMessage(21, .acknowledge, address, link))
    }

    /// Every address of the namespace.
    package func addresses() throws -> [LinkAddress] {
        var message = NetlinkMessage(22, .dump)
        message.append(UInt64(0))
        return try query("list addresses", message).compactMap { reply in
            guard reply.type == 20, let prefix = reply.payload.number(at: 1, as: UInt8.self),
                let link = reply.payload.number(at: 4, as: Int32.self)
            else { return nil }
            let attributes = reply.attributes(after: 8)
            guard let bytes = attributes.bytes(2) ?? attributes.bytes(1), let address = IPAddress(bytes: bytes),
                let cidr = CIDR(address, prefix: Int(prefix))
            else { return nil }
            return LinkAddress(link: link, address: cidr)
        }
    }

    private func addressMessage(
        _ type: UInt16, _ flags: NetlinkMessage.Flags, _ address: CIDR, _ link: Int32
    ) -> NetlinkMessage {
        // struct ifaddrmsg: family, prefix length, flags, scope, index.
        var message = NetlinkMessage(type, flags)
        message.append(UInt8(address.address.isV4 ? AF_INET : AF_INET6))
        message.append(UInt8(address.prefix))
        message.append(UInt8(0))
        message.append(UInt8(address.address.isLoopback ? 254 : 0))
        message.append(link)
        message.attribute(2, bytes: address.address.bytes)
        message.attribute(1, bytes: address.address.bytes)
        return message
    }
}
