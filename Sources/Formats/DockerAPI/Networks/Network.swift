// SPDX-License-Identifier: Apache-2.0
// Networks and the attachments of containers to them.

/// The attachment of a container to one network.
package struct EndpointSettings: Codable, Sendable, Equatable {
    @Nullable package var ipamConfig: EndpointIPAMConfig?
    @Nullable package var links: [String]?
    @Nullable package var aliases: [String]?
    @Wire package var macAddress: String = ""
    @Nullable package var driverOpts: [String: String]?
    package var gwPriority: Int?
    @Wire package var networkID: String = ""
    @Wire package var endpointID: String = ""
    @Wire package var gateway: String = ""
    @Wire package var ipAddress: String = ""
    @Wire package var ipPrefixLen: Int = 0
    @Wire package var ipv6Gateway: String = ""
    @Wire package var globalIPv6Address: String = ""
    @Wire package var globalIPv6PrefixLen: Int = 0
    @Nullable package var dnsNames: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case ipamConfig = "IPAMConfig", links = "Links", aliases = "Aliases", macAddress = "MacAddress"
        case driverOpts = "DriverOpts", gwPriority = "GwPriority", networkID = "NetworkID"
        case endpointID = "EndpointID", gateway = "Gateway", ipAddress = "IPAddress", ipPrefixLen = "IPPrefixLen"
        case ipv6Gateway = "IPv6Gateway", globalIPv6Address = "GlobalIPv6Address"
        case globalIPv6PrefixLen = "GlobalIPv6PrefixLen", dnsNames = "DNSNames"
    }
}

/// Addresses the user wants for an endpoint.
package struct EndpointIPAMConfig: Codable, Sendable, Equatable {
    package var ipv4Address: String?
    package var ipv6Address: String?
    package var linkLocalIPs: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case ipv4Address = "IPv4Address", ipv6Address = "IPv6Address", linkLocalIPs = "LinkLocalIPs"
    }
}

/// A network as lists and inspections show it.
package struct NetworkInspect: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var id: String = ""
    @Wire package var created: String = ""
    @Wire package var scope: String = ""
    @Wire package var driver: String = ""
    @Wire package var enableIPv4: Bool = false
    @Wire package var enableIPv6: Bool = false
    @Wire package var ipam: IPAM = IPAM()
    @Wire package var isInternal: Bool = false
    @Wire package var attachable: Bool = false
    @Wire package var ingress: Bool = false
    @Wire package var configFrom: ConfigReference = ConfigReference()
    @Wire package var configOnly: Bool = false
    package var containers: [String: NetworkContainer]?
    @Wire package var options: [String: String] = [:]
    @Wire package var labels: [String: String] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", id = "Id", created = "Created", scope = "Scope", driver = "Driver"
        case enableIPv4 = "EnableIPv4", enableIPv6 = "EnableIPv6", ipam = "IPAM", isInternal = "Internal"
        case attachable = "Attachable", ingress = "Ingress", configFrom = "ConfigFrom", configOnly = "ConfigOnly"
        case containers = "Containers", options = "Options", labels = "Labels"
    }
}

/// How a network hands out addresses.
package struct IPAM: Codable, Sendable, Equatable {
    @Wire package var driver: String = ""
    @Nullable package var options: [String: String]?
    @Nullable package var config: [IPAMConfig]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case driver = "Driver", options = "Options", config = "Config"
    }
}

/// One address pool.
package struct IPAMConfig: Codable, Sendable, Equatable {
    package var subnet: String?
    package var ipRange: String?
    package var gateway: String?
    package var auxiliaryAddresses: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case subnet = "Subnet", ipRange = "IPRange", gateway = "Gateway", auxiliaryAddresses = "AuxiliaryAddresses"
    }
}

/// The network another one takes its configuration from.
package struct ConfigReference: Codable, Sendable, Equatable {
    @Wire package var network: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case network = "Network"
    }
}

/// A container attached to a network.
package struct NetworkContainer: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var endpointID: String = ""
    @Wire package var macAddress: String = ""
    @Wire package var ipv4Address: String = ""
    @Wire package var ipv6Address: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", endpointID = "EndpointID", macAddress = "MacAddress", ipv4Address = "IPv4Address"
        case ipv6Address = "IPv6Address"
    }
}

/// Body of `POST /networks/create`.
package struct NetworkCreateRequest: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    package var checkDuplicate: Bool?
    package var driver: String?
    package var scope: String?
    package var isInternal: Bool?
    package var attachable: Bool?
    package var ingress: Bool?
    package var configOnly: Bool?
    package var configFrom: ConfigReference?
    package var ipam: IPAM?
    package var enableIPv4: Bool?
    package var enableIPv6: Bool?
    package var options: [String: String]?
    package var labels: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", checkDuplicate = "CheckDuplicate", driver = "Driver", scope = "Scope"
        case isInternal = "Internal", attachable = "Attachable", ingress = "Ingress", configOnly = "ConfigOnly"
        case configFrom = "ConfigFrom", ipam = "IPAM", enableIPv4 = "EnableIPv4", enableIPv6 = "EnableIPv6"
        case options = "Options", labels = "Labels"
    }
}

/// Answer of `POST /networks/create`.
package struct NetworkCreateResponse: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var warning: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", warning = "Warning"
    }
}

/// Body of `POST /networks/{id}/connect`.
package struct NetworkConnectRequest: Codable, Sendable, Equatable {
    @Wire package var container: String = ""
    package var endpointConfig: EndpointSettings?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case container = "Container", endpointConfig = "EndpointConfig"
    }
}

/// Body of `POST /networks/{id}/disconnect`.
package struct NetworkDisconnectRequest: Codable, Sendable, Equatable {
    @Wire package var container: String = ""
    @Wire package var force: Bool = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case container = "Container", force = "Force"
    }
}

/// Answer of `POST /networks/prune`.
package struct NetworkPruneResponse: Codable, Sendable, Equatable {
    @Nullable package var networksDeleted: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case networksDeleted = "NetworksDeleted"
    }
}
