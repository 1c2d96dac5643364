// SPDX-License-Identifier: Apache-2.0
// The bridge link of a network, and the choice of subnets that nobody on this machine uses. Everything here blocks.
import Glibc
import Linux
import Netlink
import Primitives

/// Work on the host's links, done on a blocking thread.
struct HostLinks: Sendable {
    let netlink: NetlinkSocket

    /// Makes the bridge, or adopts the one a former daemon left, and gives it the network's gateway as its address.
    /// Returns its index.
    func ensureBridge(_ network: Network, mtu: Int?, isOurs: Bool, configuration: NetworkConfiguration) throws -> Int32
    {
        let name = network.bridgeLink
        if try netlink.link(named: name) == nil {
            guard isOurs else { throw EngineError.internalError("bridge \(name) does not exist") }
            let mac = network.bridgeMAC ?? .random()
            do {
                try netlink.createBridge(name, address: mac.bytes, mtu: mtu)
            } catch let error as NetlinkError where error.code == EEXIST {}
        }
        guard let bridge = try netlink.link(named: name), bridge.kind == "bridge" else {
            throw EngineError.internalError("link \(name) exists and is not a bridge")
        }
        if !bridge.isUp { try netlink.setLink(bridge.index, up: true) }
        if isOurs, let pool = network.ipv4Pool, let gateway = pool.gateway,
            let address = CIDR(gateway, prefix: pool.subnet.prefix)
        {
            try netlink.addAddress(address, toLink: bridge.index)
            try setSysctl("net/ipv6/conf/\(name)/disable_ipv6", "1")
        }
        if configuration.firewall { try setSysctl("net/ipv4/conf/\(name)/route_localnet", "1") }
        if configuration.ipForward, !network.isInternal { try setSysctl("net/ipv4/ip_forward", "1") }
        return bridge.index
    }

    /// Subnets that links and routes of the host use, except the default route and those of `bridge` itself.
    func usedSubnets(except bridge: String) throws -> [CIDR] {
        let own = try netlink.link(named: bridge)?.index
        let addresses = try netlink.addresses().filter { $0.link != own }.map(\.address.network)
        let routes = try netlink.routes().filter { $0.link != own }.compactMap { $0.destination?.network }
        return addresses + routes
    }

    /// The IPv4 address of a link.
    func address(ofLink name: String) throws -> CIDR? {
        guard let link = try netlink.link(named: name) else { return nil }
        return try netlink.addresses().first { $0.link == link.index && $0.address.address.isV4 }?.address
    }

    /// The first subnet of the pools that overlaps none of `used`.
    static func freeSubnet(of pools: [AddressPool], used: [CIDR]) -> CIDR? {
        for pool in pools where pool.base.address.isV4 && (pool.base.prefix...32).contains(pool.size) {
            let step = UInt64(1) << UInt64(32 - pool.size)
            var base: IPAddress? = pool.base.network.address
            while let address = base, pool.base.contains(address), let subnet = CIDR(address, prefix: pool.size) {
                if !used.contains(where: { $0.prefix > 0 && $0.overlaps(subnet) }) { return subnet }
                base = address.advanced(by: step)
            }
        }
        return nil
    }

    /// Runs `body` while no other daemon of this machine chooses a subnet.
    static func whileChoosing<T>(_ body: () throws -> T) throws -> T {
        // A user's daemon has a network of its own, where nobody else chooses.
        guard UserNamespace.isInitial else { return try body() }
        let lock = try OwnedFD.open("/run/apus-networks.lock", O_RDWR | O_CREAT, mode: 0o600)
        let raw = lock.raw
        try check("flock") { flock(raw, LOCK_EX) }
        defer { flock(raw, LOCK_UN) }
        return try body()
    }
}
