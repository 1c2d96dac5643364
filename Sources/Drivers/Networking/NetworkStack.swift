// SPDX-License-Identifier: Apache-2.0
// The networking of one daemon: its networks, and the endpoints that join containers to them.
import AsyncSystem
import FoundationEssentials
package import Logging
import Netlink
import Primitives

/// All networks of a daemon.
///
/// Life of a container's networking: `createSandbox` → `connect` (once per network) → the container runs in the
/// sandbox's namespace → `disconnectAll`. The namespace ends with its last process and descriptor, and takes the veth
/// pair with it: release the `Sandbox` once the container runs; a running container's is reopened with `openSandbox`.
package actor NetworkStack {
    /// What the daemon knows of a network beyond what is saved.
    struct Attached {
        var network: Network
        var allocator: AddressAllocator?
        /// Endpoints and connects under way: with none the bridge link may go.
        var users = 0
        /// Index of the bridge link while it exists.
        var bridge: Int32?
    }

    package nonisolated let configuration: NetworkConfiguration
    nonisolated let records: any NetworkRecords
    nonisolated let firewall: any Firewall
    nonisolated let ports = PortReservations()
    /// Nil in the machine's own network namespace.
    nonisolated let forwarder: (any PortForwarder)?
    nonisolated let proxies: PortProxies
    nonisolated let logger: Logger
    var attached: [String: Attached] = [:]
    var endpointsByID: [String: Endpoint] = [:]
    /// (network id, container id) of connects under way.
    var connecting: Set<[String]> = []
    /// Bridge links come and go one after the other.
    var bridgeWork: Task<Void, Never>?
    private var hostLinks: HostLinks?

    package init(
        configuration: NetworkConfiguration, records: any NetworkRecords, logger: Logger,
        firewall: (any Firewall)? = nil, forwarder: (any PortForwarder)? = nil
    ) {
        self.forwarder = forwarder
        self.configuration = configuration
        self.records = records
        self.logger = logger
        self.firewall =
            firewall
            ?? (configuration.firewall ? NftablesFirewall(instance: configuration.instance) : NoFirewall())
        proxies = PortProxies(logger: logger)
    }

    /// Loads what was saved and makes sure that `bridge`, `host` and `none` exist. The default bridge's link is made with
    /// the first endpoint. Call once, then `reconcile`.
    package func start() async throws {
        for (key, document) in try await Blocking.run({ [records] in try records.load(.network) }) {
            guard let network = decode(Network.self, document, key) else { continue }
            attach(network)
        }
        for (key, document) in try await Blocking.run({ [records] in try records.load(.endpoint) }) {
            guard let endpoint = decode(Endpoint.self, document, key) else { continue }
            endpointsByID[endpoint.id] = endpoint
            if let address = endpoint.address?.address {
                _ = attached[endpoint.networkID]?.allocator?.claim(address)
            }
        }
        try await ensureDefaultNetworks()
    }

    /// A new namespace with `lo` up. Host mode has none: do not call it then.
    /// With an `owner` the namespace belongs to a new user namespace, whose root rules it.
    package nonisolated func createSandbox(owner: SandboxOwner? = nil) async throws -> Sandbox {
        try await context("create network namespace") { try await Sandbox.create(owner: owner) }
    }

    /// The namespace of a running process.
    package nonisolated func openSandbox(pid: Int32) async throws -> Sandbox {
        try await context("open network namespace of process \(pid)") { try await Sandbox.open(pid: pid) }
    }

    /// Attachments of a container, the one with the default route first.
    package func endpoints(ofContainer containerID: String) -> [Endpoint] {
        endpointsByID.values.filter { $0.containerID == containerID }.sorted { $0.interface < $1.interface }
    }

    package func endpoints(ofNetwork networkID: String) -> [Endpoint] {
        endpointsByID.values.filter { $0.networkID == networkID }.sorted { $0.containerName < $1.containerName }
    }

    /// Removes bridge links and the firewall table if no endpoint is left. `disconnect` does this by itself after a
    /// second of rest.
    package func teardownIfIdle() async throws {
        for id in attached.keys { try await removeBridgeIfIdle(id) }
        // A removal that the linger had started already is finished, too, before the daemon may end.
        try await inBridgeOrder { _ in }
    }

    /// Removes every bridge link, the table and the records of endpoints, whatever still runs.
    package func removeEverything() async throws {
        let endpoints = Array(endpointsByID.values)
        for endpoint in endpoints {
            await proxies.stop(owner: endpoint.id)
            releasePorts(endpoint)
            if let address = endpoint.address?.address {
                attached[endpoint.networkID]?.allocator?.release(address)
            }
        }
        endpointsByID = [:]
        let links = attached.values.filter { $0.network.driver == .bridge && isOurs($0.network) }
        for id in attached.keys {
            attached[id]?.bridge = nil
            attached[id]?.users = 0
        }
        let host = try await host()
        try await Blocking.run { [firewall, records] in
            try firewall.removeEverything()
            for entry in links { try host.netlink.deleteLink(named: entry.network.bridgeLink) }
            try records.apply(endpoints.map { NetworkRecordChange(.endpoint, $0.id, nil) })
        }
    }

    /// What on this machine keeps containers from the network, in words for `info`.
    package nonisolated func warnings() async -> [String] {
        let foreign = try? await Blocking.run { [firewall] in try firewall.foreignDrop() }
        guard let chain = foreign.flatMap(\.self) else { return [] }
        return [
            "WARNING: the firewall chain \(chain) drops forwarded packets by default: containers may not reach "
                + "other machines. Accept packets of \(configuration.bridgeName) there."
        ]
    }

    // MARK: - Shared by the verbs

    func attach(_ network: Network) {
        attached[network.id] = Attached(network: network, allocator: network.ipv4Pool.flatMap(AddressAllocator.init))
    }

    /// `--bridge`: the user's own link is neither made nor removed by us.
    nonisolated func isOurs(_ network: Network) -> Bool {
        !(network.name == "bridge" && configuration.usesExistingBridge)
    }

    /// The host's links, over a socket opened with the first use.
    func host() async throws -> HostLinks {
        if let hostLinks { return hostLinks }
        let links = try await Blocking.run { HostLinks(netlink: try NetlinkSocket()) }
        hostLinks = links
        return links
    }

    nonisolated func record(_ network: Network) throws -> NetworkRecordChange {
        NetworkRecordChange(.network, network.id, Array(try JSONEncoder().encode(network)))
    }

    nonisolated func record(_ endpoint: Endpoint) throws -> NetworkRecordChange {
        NetworkRecordChange(.endpoint, endpoint.id, Array(try JSONEncoder().encode(endpoint)))
    }

    nonisolated func save(_ changes: [NetworkRecordChange]) async throws {
        try await Blocking.run { [records] in try records.apply(changes) }
    }

    nonisolated func firewallBridge(_ network: Network) -> FirewallBridge? {
        guard let pool = network.ipv4Pool, network.driver == .bridge else { return nil }
        var bridge = FirewallBridge(link: network.bridgeLink, subnet: pool.subnet)
        bridge.isInternal = network.isInternal
        bridge.interContainerCommunication = allowsInterContainer(network)
        bridge.masquerade =
            network.options[BridgeOption.masquerade].map { $0 == "true" }
            ?? (network.name != "bridge" || configuration.masquerade)
        return bridge
    }

    nonisolated func allowsInterContainer(_ network: Network) -> Bool {
        network.options[BridgeOption.interContainer].map { $0 == "true" }
            ?? (network.name != "bridge" || configuration.interContainerCommunication)
    }

    /// A document that does not decode stays where it is and is reported.
    private func decode<T: Decodable>(_ type: T.Type, _ document: [UInt8], _ key: String) -> T? {
        do {
            return try JSONDecoder().decode(type, from: Data(document))
        } catch {
            logger.error(
                "network record is not readable, left alone", metadata: ["key": "\(key)", "error": "\(error)"])
            return nil
        }
    }
}

/// Driver options of bridge networks that we follow.
enum BridgeOption {
    static let name = "com.docker.network.bridge.name"
    static let masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    static let interContainer = "com.docker.network.bridge.enable_icc"
    static let bindAddress = "com.docker.network.bridge.host_binding_ipv4"
    static let mtu = "com.docker.network.driver.mtu"
    static let isDefault = "com.docker.network.bridge.default_bridge"
    static let all: Set<String> = [name, masquerade, interContainer, bindAddress, mtu, isDefault]
}
