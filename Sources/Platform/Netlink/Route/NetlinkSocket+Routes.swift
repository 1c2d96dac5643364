// SPDX-License-Identifier: Apache-2.0
// Routes of the main table.
import Glibc
package import Primitives

/// A route; `destination` nil is the default route.
package struct Route: Sendable, Hashable {
    package var destination: CIDR?
    package var gateway: IPAddress?
    package var link: Int32?

    package init(destination: CIDR?, gateway: IPAddress?, link: Int32?) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
    }
}

extension NetlinkSocket {
    package func addRoute(_ route: Route) throws {
        try perform("add route", routeMessage(24, [.create, .exclusive, .acknowledge], route))
    }

    package func removeRoute(_ route: Route) throws {
        try perform("remove route", routeMessage(25, .acknowledge, route))
    }

    /// Unicast routes of the main table, both families.
    package func routes() throws -> [Route] {
        var message = NetlinkMessage(26, .dump)
        for _ in 0..<12 { message.append(UInt8(0)) }
        return try query("list routes", message).compactMap { reply in
            guard reply.type == 24, let family = reply.payload.number(at: 0, as: UInt8.self),
                let prefix = reply.payload.number(at: 1, as: UInt8.self),
                let table = reply.payload.number(at: 4, as: UInt8.self),
                let kind = reply.payload.number(at: 7, as: UInt8.self), table == 254, kind == 1,
                family == AF_INET || family == AF_INET6
            else { return nil }
            let attributes = reply.attributes(after: 12)
            let destination = attributes.bytes(1).flatMap { IPAddress(bytes: $0) }.flatMap {
                CIDR($0, prefix: Int(prefix))
            }
            return Route(
                destination: destination, gateway: attributes.bytes(5).flatMap { IPAddress(bytes: $0) },
                link: attributes.number(4, as: Int32.self))
        }
    }

    private func routeMessage(_ type: UInt16, _ flags: NetlinkMessage.Flags, _ route: Route) -> NetlinkMessage {
        let isV4 = (route.destination?.address ?? route.gateway)?.isV4 ?? true
        // struct rtmsg: family, dst_len, src_len, tos, table (main), protocol (boot), scope, type (unicast), flags.
        var message = NetlinkMessage(type, flags)
        message.append(UInt8(isV4 ? AF_INET : AF_INET6))
        message.append(UInt8(route.destination?.prefix ?? 0))
        message.append(UInt16(0))
        message.append(UInt8(254))
        message.append(UInt8(3))
        message.append(UInt8(route.gateway == nil ? 253 : 0))
        message.append(UInt8(1))
        message.append(UInt32(0))
        if let destination = route.destination { message.attribute(1, bytes: destination.network.address.bytes) }
        if let gateway = route.gateway { message.attribute(5, bytes: gateway.bytes) }
        if let link = route.link { message.attribute(4, link) }
        return message
    }
}
