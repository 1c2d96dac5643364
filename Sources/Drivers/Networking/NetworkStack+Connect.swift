// SPDX-License-Identifier: Apache-2.0
// Joining containers to networks and parting them again.
import AsyncSystem
import Glibc
import Linux
import Logging
import Netlink
import Primitives

extension NetworkStack {
    /// Attaches a container. For `host` and `none` the sandbox may be nil: only the endpoint is recorded.
    package func connect(_ request: EndpointRequest, sandbox: Sandbox?) async throws -> Endpoint {
        let network = try network(request.network)
        let pair = [network.id, request.containerID]
        let isTaken = endpointsByID.values.contains {
            $0.networkID == network.id && $0.containerID == request.containerID
        }
        guard !isTaken, connecting.insert(pair).inserted else {
            throw NetworkErrors.endpointExists(request.containerName, network.name)
        }
        defer { connecting.remove(pair) }
        var endpoint = Endpoint(
            id: Identifier.random(), networkID: network.id, networkName: network.name,
            containerID: request.containerID, containerName: request.containerName)
        endpoint.aliases = request.aliases
        guard network.driver == .bridge else {
            try await save([try record(endpoint)])
            endpointsByID[endpoint.id] = endpoint
            return endpoint
        }
        guard let sandbox else { throw EngineError.invalidArgument("network \(network.name) needs a sandbox") }
        return try await connectToBridge(endpoint, network, request, sandbox)
    }

    private func connectToBridge(
        _ start: Endpoint, _ known: Network, _ request: EndpointRequest, _ sandbox: Sandbox
    ) async throws -> Endpoint {
        var endpoint = start
        var taken: IPAddress?
        attached[known.id]?.users += 1
        do {
            let bridge = try await ensureBridge(known.id)
            // Only now: with its first user the bridge may have moved to another subnet.
            guard let network = attached[known.id]?.network else { throw NetworkErrors.notFound(known.id) }
            let address = try allocate(request.ipv4Address, network)
            taken = address
            endpoint.address = CIDR(address, prefix: network.ipv4Pool?.subnet.prefix ?? 32)
            endpoint.gateway = network.isInternal ? nil : configuredGateway(network)
            endpoint.mac = request.macAddress ?? MACAddress(derivedFrom: address)
            endpoint.hostLink = "veth" + Identifier.random().prefix(8)
            let draft = endpoint
            endpoint = try await Blocking.run { [self] in
                try plug(draft, network, request, sandbox, bridge)
            }
            let plugged = endpoint
            do {
                try await save([try record(endpoint)])
            } catch {
                await unplug(plugged, removesLink: true)
                throw error
            }
        } catch {
            if let taken { attached[known.id]?.allocator?.release(taken) }
            attached[known.id]?.users -= 1
            scheduleTeardown(known.id)
            throw error
        }
        endpointsByID[endpoint.id] = endpoint
        proxies.start(endpoint, reservations: ports)
        return endpoint
    }

    /// Everything that touches the kernel for one endpoint, on a blocking thread; undone when a step fails.
    private nonisolated func plug(
        _ draft: Endpoint, _ network: Network, _ request: EndpointRequest, _ sandbox: Sandbox, _ bridge: BridgeHandle
    ) throws -> Endpoint {
        guard let address = draft.address, let mac = draft.mac else { return draft }
        var endpoint = draft
        if !request.ports.isEmpty, !network.isInternal {
            do throws(EngineError) {
                endpoint.bindings = try reservePorts(
                    request.ports, owner: endpoint.id, container: address.address,
                    defaultAddress: defaultBindAddress(network))
            } catch {
                throw NetworkErrors.portsFailed(endpoint, error)
            }
        }
        do {
            endpoint.interface = request.providesDefaultRoute ? "eth0" : try sandbox.freeInterfaceName()
            try bridge.host.netlink.createVeth(
                VethPair(
                    name: endpoint.hostLink, master: bridge.index, peerName: endpoint.interface,
                    peerAddress: mac.bytes, peerNamespace: sandbox.descriptor.raw, mtu: mtu(network)))
            let isolated = !allowsInterContainer(network)
            // Where br_netfilter is loaded, a container that asks for its own published port never leaves the bridge.
            let hairpin = !endpoint.bindings.isEmpty
            if isolated || hairpin, let port = try bridge.host.netlink.link(named: endpoint.hostLink) {
                try bridge.host.netlink.setPort(port.index, isolated: isolated, hairpin: hairpin)
            }
            try sandbox.configure(
                interface: endpoint.interface, address: address,
                gateway: request.providesDefaultRoute ? endpoint.gateway : nil)
            var change = FirewallChange()
            change.portsAdded = firewallPorts(endpoint)
            if !change.portsAdded.isEmpty { try firewall.apply(change) }
        } catch {
            releasePorts(endpoint)
            // The reason above is what counts; a link that stays ends with the namespace.
            try? bridge.host.netlink.deleteLink(named: endpoint.hostLink)
            throw error
        }
        return endpoint
    }

    /// Ends one attachment: ports, rules, address. With a sandbox given (the container keeps running) its link is removed.
    package func disconnect(containerID: String, network reference: String, sandbox: Sandbox? = nil) async throws {
        let network = try network(reference)
        let found = endpointsByID.values.first { $0.networkID == network.id && $0.containerID == containerID }
        guard let endpoint = found else { throw NetworkErrors.notConnected(containerID, network.name) }
        try await remove([endpoint], removesLinks: sandbox != nil)
    }

    /// Ends every attachment of a container that has stopped. No endpoint: no error.
    package func disconnectAll(containerID: String) async throws {
        try await remove(endpointsByID.values.filter { $0.containerID == containerID }, removesLinks: false)
    }

    /// A container's name changed.
    package func rename(containerID: String, to name: String) async throws {
        let renamed = endpointsByID.values.filter { $0.containerID == containerID }.map { old in
            var new = Endpoint(
                id: old.id, networkID: old.networkID, networkName: old.networkName, containerID: old.containerID,
                containerName: name)
            new.address = old.address
            new.gateway = old.gateway
            new.mac = old.mac
            new.interface = old.interface
            new.hostLink = old.hostLink
            new.aliases = old.aliases
            new.bindings = old.bindings
            return new
        }
        if renamed.isEmpty { return }
        try await save(try renamed.map { try record($0) })
        for endpoint in renamed where endpointsByID[endpoint.id] != nil { endpointsByID[endpoint.id] = endpoint }
    }

    func remove(_ endpoints: [Endpoint], removesLinks: Bool) async throws {
        // Out of the table before the first suspension: nobody removes it twice.
        let owned = endpoints.filter { endpointsByID.removeValue(forKey: $0.id) != nil }
        if owned.isEmpty { return }
        for endpoint in owned { await unplug(endpoint, removesLink: removesLinks) }
        for endpoint in owned {
            if let address = endpoint.address?.address {
                attached[endpoint.networkID]?.allocator?.release(address)
                attached[endpoint.networkID]?.users -= 1
                scheduleTeardown(endpoint.networkID)
            }
        }
        try await save(owned.map { NetworkRecordChange(.endpoint, $0.id, nil) })
    }

    /// Takes rules, ports and perhaps the link away; failures are logged, the rest goes on.
    private func unplug(_ endpoint: Endpoint, removesLink: Bool) async {
        await proxies.stop(owner: endpoint.id)
        do {
            let host = try await host()
            try await Blocking.run { [self] in
                var change = FirewallChange()
                change.portsRemoved = firewallPorts(endpoint)
                defer { releasePorts(endpoint) }
                if !change.portsRemoved.isEmpty { try firewall.apply(change) }
                if removesLink, !endpoint.hostLink.isEmpty { try host.netlink.deleteLink(named: endpoint.hostLink) }
            }
        } catch {
            logger.error("endpoint not cleanly removed", metadata: ["endpoint": "\(endpoint.id)", "error": "\(error)"])
        }
    }

    private func allocate(_ wanted: IPAddress?, _ network: Network) throws -> IPAddress {
        guard let wanted else {
            guard let address = attached[network.id]?.allocator?.allocate() else {
                throw NetworkErrors.exhausted(network)
            }
            return address
        }
        if network.name == "bridge" { throw NetworkErrors.staticAddressOnDefault }
        guard network.pools.contains(where: { $0.subnet.contains(wanted) }) else {
            throw NetworkErrors.outsideSubnets(wanted, network.name)
        }
        guard attached[network.id]?.allocator?.claim(wanted) == true else { throw NetworkErrors.addressInUse }
        return wanted
    }

    private func configuredGateway(_ network: Network) -> IPAddress? {
        (network.name == "bridge" ? configuration.defaultGateway : nil) ?? network.ipv4Pool?.gateway
    }

    private nonisolated func defaultBindAddress(_ network: Network) -> IPAddress? {
        network.options[BridgeOption.bindAddress].flatMap { IPAddress($0) } ?? configuration.defaultBindAddress
    }

    nonisolated func mtu(_ network: Network) -> Int? {
        network.options[BridgeOption.mtu].flatMap { Int($0) } ?? configuration.mtu
    }
}
