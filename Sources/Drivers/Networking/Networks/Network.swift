// SPDX-License-Identifier: Apache-2.0
// A network as a value: what users create, list and inspect.
package import Primitives

/// The mechanisms a network can have.
package enum NetworkDriver: String, Sendable, Codable {
    case bridge, host
    case none = "null"
}

/// One address pool of a network.
package struct NetworkPool: Sendable, Hashable, Codable {
    package var subnet: CIDR
    package var gateway: IPAddress?
    /// `--ip-range`: addresses are given out from here only.
    package var range: CIDR?
    /// `--aux-address`: names and addresses that are never given out.
    package var auxiliary: [String: IPAddress] = [:]

    package init(subnet: CIDR, gateway: IPAddress? = nil, range: CIDR? = nil, auxiliary: [String: IPAddress] = [:]) {
        self.subnet = subnet
        self.gateway = gateway
        self.range = range
        self.auxiliary = auxiliary
    }
}

/// A network of this daemon.
package struct Network: Sendable, Codable, Identifiable {
    package let id: String
    package var name: String
    package var driver: NetworkDriver
    package var created: Timestamp
    /// Empty for `host` and `none`.
    package var pools: [NetworkPool]
    package var ipamOptions: [String: String] = [:]
    package var isInternal = false
    package var isAttachable = false
    package var enablesIPv6 = false
    package var labels: [String: String] = [:]
    package var options: [String: String] = [:]
    /// The subnet was our choice: while no container uses it, it may change if something else on the machine took it.
    package var hasChosenSubnet = false
    /// Name of the bridge link; empty for `host` and `none`.
    package var bridgeLink = ""
    /// MAC of the bridge link, kept over restarts so that neighbour tables stay true.
    package var bridgeMAC: MACAddress?

    /// `bridge`, `host` and `none` cannot be removed.
    package var isPredefined: Bool { ["bridge", "host", "none"].contains(name) }
    /// The pool IPv4 addresses come from.
    package var ipv4Pool: NetworkPool? { pools.first { $0.subnet.address.isV4 } }
}

/// What `POST /networks/create` asks for, checked and typed.
package struct NetworkSpec: Sendable {
    package var name: String
    package var driver = "bridge"
    /// Texts as the user wrote them: errors quote them.
    package var pools: [PoolSpec] = []
    package var ipamDriver = "default"
    package var ipamOptions: [String: String] = [:]
    package var isInternal = false
    package var isAttachable = false
    package var enablesIPv6 = false
    package var labels: [String: String] = [:]
    package var options: [String: String] = [:]

    package init(name: String) { self.name = name }

    /// `IPAM.Config[i]`; empty texts mean "not given".
    package struct PoolSpec: Sendable {
        package var subnet = ""
        package var gateway = ""
        package var range = ""
        package var auxiliary: [String: String] = [:]
        package init() {}
    }
}
