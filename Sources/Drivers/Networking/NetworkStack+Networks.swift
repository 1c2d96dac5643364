// SPDX-License-Identifier: Apache-2.0
// The networks themselves: the predefined three and those users make.
import AsyncSystem
import Primitives

extension NetworkStack {
    /// Every network, oldest first.
    package func networks() -> [Network] {
        attached.values.map(\.network).sorted { ($0.created, $0.name) < ($1.created, $1.name) }
    }

    /// By name, id or unambiguous id prefix; `network X not found` otherwise.
    package func network(_ reference: String) throws -> Network {
        if reference == "default", configuration.bridgeName != "none" { return try network("bridge") }
        if let exact = attached[reference]?.network { return exact }
        let networks = attached.values.map(\.network)
        if let named = networks.first(where: { $0.name == reference }) { return named }
        let matches = reference.isEmpty ? [] : networks.filter { $0.id.hasPrefix(reference) }
        if matches.count > 1 { throw NetworkErrors.ambiguous(reference) }
        guard let match = matches.first else { throw NetworkErrors.notFound(reference) }
        return match
    }

    package func createNetwork(_ spec: NetworkSpec) async throws -> Network {
        try NetworkSpecCheck.refuseUnsupported(spec)
        if attached.values.contains(where: { $0.network.name == spec.name }) { throw NetworkErrors.exists(spec.name) }
        let id = Identifier.random()
        var network = Network(
            id: id, name: spec.name, driver: .bridge, created: .now(), pools: try NetworkSpecCheck.pools(spec))
        network.ipamOptions = spec.ipamOptions
        network.isInternal = spec.isInternal
        network.isAttachable = spec.isAttachable
        network.labels = spec.labels
        network.options = spec.options
        network.bridgeLink = spec.options[BridgeOption.name] ?? "br-" + id.prefix(12)
        network.bridgeMAC = .random()
        let isLinkTaken = attached.values.contains { $0.network.bridgeLink == network.bridgeLink }
        guard !isLinkTaken, network.bridgeLink.utf8.count < 16 else {
            throw EngineError.invalidArgument("bridge name \(network.bridgeLink) is in use or too long")
        }
        return try await inBridgeOrder { [network] stack in
            try await stack.settle(network)
        }
    }

    package func removeNetwork(_ reference: String) async throws {
        let network = try network(reference)
        if network.isPredefined { throw NetworkErrors.predefined(network.name) }
        let hasEndpoints = endpointsByID.values.contains { $0.networkID == network.id }
        if hasEndpoints || attached[network.id]?.users != 0 { throw NetworkErrors.activeEndpoints(network) }
        try await removeBridgeIfIdle(network.id)
        guard attached[network.id]?.users == 0 else { throw NetworkErrors.activeEndpoints(network) }
        attached[network.id] = nil
        try await save([NetworkRecordChange(.network, network.id, nil)])
    }

    /// Removes user-defined networks without endpoints that `matches`; gives the names of the removed ones.
    package func pruneNetworks(where matches: @Sendable (Network) -> Bool) async throws -> [String] {
        var removed: [String] = []
        for network in networks() where !network.isPredefined && matches(network) {
            do {
                try await removeNetwork(network.id)
                removed.append(network.name)
            } catch let error as EngineError where error.kind == .forbidden || error.kind == .notFound {
                // In use, or removed by somebody else meanwhile.
            }
        }
        return removed
    }

    func ensureDefaultNetworks() async throws {
        for (name, driver) in [("none", NetworkDriver.none), ("host", .host)] {
            if attached.values.contains(where: { $0.network.name == name }) { continue }
            let network = Network(id: Identifier.random(), name: name, driver: driver, created: .now(), pools: [])
            attach(network)
            try await save([try record(network)])
        }
        if configuration.usesExistingBridge, configuration.bridgeName == "none" { return }
        try await ensureDefaultBridge()
    }

    /// The default bridge keeps its subnet over restarts, unless the configuration asks for another.
    private func ensureDefaultBridge() async throws {
        let saved = attached.values.first { $0.network.name == "bridge" }?.network
        var network =
            saved
            ?? Network(id: Identifier.random(), name: "bridge", driver: .bridge, created: .now(), pools: [])
        network.bridgeLink = configuration.bridgeName
        network.bridgeMAC = network.bridgeMAC ?? .random()
        network.options = [
            BridgeOption.isDefault: "true", BridgeOption.interContainer: "\(configuration.interContainerCommunication)",
            BridgeOption.masquerade: "\(configuration.masquerade)", BridgeOption.name: configuration.bridgeName,
            BridgeOption.bindAddress: "\(configuration.defaultBindAddress ?? .anyV4)",
            BridgeOption.mtu: "\(configuration.mtu ?? 1500)",
        ]
        // Unset means "all addresses, both families", which the option's text cannot say.
        if configuration.defaultBindAddress == nil { network.options[BridgeOption.bindAddress] = nil }
        if let address = try await configuredBridgeAddress() {
            network.pools = [NetworkPool(subnet: address.network, gateway: address.address)]
            network.hasChosenSubnet = false
        } else if let pool = network.ipv4Pool {
            network.pools = [NetworkPool(subnet: pool.subnet, gateway: pool.gateway)]
        }
        if let range = configuration.fixedCIDR, !network.pools.isEmpty { network.pools[0].range = range }
        if let pool = saved?.ipv4Pool, network.ipv4Pool == pool, let saved {
            attached[saved.id]?.network = network
            try await save([try record(network)])
            return
        }
        _ = try await inBridgeOrder { [network] stack in try await stack.settle(network) }
    }

    /// `--bip`, or the address that the user's own bridge has.
    private func configuredBridgeAddress() async throws -> CIDR? {
        if let address = configuration.bridgeAddress { return address }
        guard configuration.usesExistingBridge else { return nil }
        let host = try await host()
        let address = try await Blocking.run { [name = configuration.bridgeName] in try host.address(ofLink: name) }
        guard let address else {
            throw EngineError.invalidArgument("bridge \(configuration.bridgeName) has no IPv4 address")
        }
        return address
    }

    /// Completes the pools, saves and announces the network. Runs in bridge order: no two networks choose at once.
    private func settle(_ draft: Network) async throws -> Network {
        if attached.values.contains(where: { $0.network.name == draft.name && $0.network.id != draft.id }) {
            throw NetworkErrors.exists(draft.name)
        }
        var network = draft
        let own = attached.values.filter { $0.network.id != draft.id }.flatMap { $0.network.pools.map(\.subnet) }
        if network.pools.contains(where: { pool in own.contains { $0.overlaps(pool.subnet) } }) {
            throw NetworkErrors.poolOverlaps
        }
        if network.pools.isEmpty {
            let host = try await host()
            let pools = configuration.defaultAddressPools
            let chosen = try await Blocking.run { [network] in
                try HostLinks.whileChoosing {
                    let used = try host.usedSubnets(except: network.bridgeLink) + own
                    guard let subnet = HostLinks.freeSubnet(of: pools, used: used) else {
                        throw NetworkErrors.poolsExhausted
                    }
                    return subnet
                }
            }
            network.pools = [NetworkPool(subnet: chosen)]
            network.hasChosenSubnet = true
        }
        for index in network.pools.indices where network.pools[index].gateway == nil {
            network.pools[index].gateway = network.pools[index].subnet.network.address.advanced(by: 1)
        }
        try await save([try record(network)])
        attach(network)
        for endpoint in endpointsByID.values where endpoint.networkID == network.id {
            if let address = endpoint.address?.address { _ = attached[network.id]?.allocator?.claim(address) }
        }
        return network
    }
}
