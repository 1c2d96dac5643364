// SPDX-License-Identifier: Apache-2.0
// Networks as the API shows them.
package import DockerAPI
import Networking
import Primitives

/// Lists, creates and removes networks. Attaching a running container to a further network is not built yet.
package final class NetworkService: Sendable {
    private let stack: NetworkStack
    private let containers: ContainerService
    private let events: EventService

    init(stack: NetworkStack, containers: ContainerService, events: EventService) {
        self.stack = stack
        self.containers = containers
        self.events = events
    }

    package func list(_ filters: Filters) async throws -> [NetworkInspect] {
        try filters.validate(["dangling", "driver", "id", "label", "name", "scope", "type"])
        let dangling = try filters.bool("dangling")
        for type in filters["type"] ?? [] where !["custom", "builtin"].contains(type) {
            throw EngineError.invalidArgument("invalid filter: 'type'='\(type)'")
        }
        var result: [NetworkInspect] = []
        for network in await stack.networks() where Self.accepts(network, filters) {
            if let dangling {
                let isUsed = await !stack.endpoints(ofNetwork: network.id).isEmpty
                if network.isPredefined || isUsed == dangling { continue }
            }
            // Lists do not show the containers; inspect does.
            result.append(Self.view(network, endpoints: nil))
        }
        return result
    }

    package func inspect(_ reference: String) async throws -> NetworkInspect {
        let network = try await stack.network(reference)
        return Self.view(network, endpoints: await stack.endpoints(ofNetwork: network.id))
    }

    package func create(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse {
        guard !request.name.isEmpty else { throw EngineError.invalidArgument("network name is required") }
        for (flag, name) in [
            (request.ingress, "Ingress"), (request.configOnly, "ConfigOnly"), (request.enableIPv6, "EnableIPv6"),
        ] where flag == true {
            throw EngineError.notImplemented("\(name) is not supported yet")
        }
        if request.enableIPv4 == false { throw EngineError.notImplemented("EnableIPv4=false is not supported yet") }
        if let from = request.configFrom, !from.network.isEmpty {
            throw EngineError.notImplemented("ConfigFrom is not supported yet")
        }
        if let scope = request.scope, !["", "local"].contains(scope) {
            throw EngineError.notImplemented("Scope \(scope) is not supported yet")
        }
        var spec = NetworkSpec(name: request.name)
        if let driver = request.driver, !["", "default"].contains(driver) { spec.driver = driver }
        spec.pools = (request.ipam?.config ?? []).map { config in
            var pool = NetworkSpec.PoolSpec()
            pool.subnet = config.subnet ?? ""
            pool.gateway = config.gateway ?? ""
            pool.range = config.ipRange ?? ""
            pool.auxiliary = config.auxiliaryAddresses ?? [:]
            return pool
        }
        if let driver = request.ipam?.driver, !driver.isEmpty { spec.ipamDriver = driver }
        spec.ipamOptions = request.ipam?.options ?? [:]
        spec.isInternal = request.isInternal ?? false
        spec.isAttachable = request.attachable ?? false
        spec.labels = request.labels ?? [:]
        spec.options = request.options ?? [:]
        let network = try await stack.createNetwork(spec)
        announce(network, "create")
        var answer = NetworkCreateResponse()
        answer.id = network.id
        return answer
    }

    package func connect(_ reference: String, _ request: NetworkConnectRequest) async throws {
        _ = try await stack.network(reference)
        _ = try containers.registry.find(request.container)
        throw EngineError.notImplemented("connecting an existing container to a network is not supported yet")
    }

    package func disconnect(_ reference: String, _ request: NetworkDisconnectRequest) async throws {
        _ = try await stack.network(reference)
        _ = try containers.registry.find(request.container)
        throw EngineError.notImplemented("disconnecting a container from a network is not supported yet")
    }

    package func remove(_ reference: String) async throws {
        let network = try await stack.network(reference)
        try await stack.removeNetwork(network.id)
        announce(network, "destroy")
    }

    package func prune(_ filters: Filters) async throws -> NetworkPruneResponse {
        try filters.validate(["label", "label!", "until"])
        let until = try filters["until"]?.first.map { text throws(EngineError) in try TimeFilter.parse(text) }
        let used = Set(
            containers.registry.all.flatMap { container in
                let record = container.record
                return [record.hostConfig.networkMode] + record.networking.keys
            })
        let names = try await stack.pruneNetworks { network in
            if used.contains(network.name) || used.contains(network.id) { return false }
            if let until, network.created > until { return false }
            if filters["label!"] != nil, filters.matchesLabels(network.labels, key: "label!") { return false }
            return filters.matchesLabels(network.labels)
        }
        events.publish("network", "prune", id: "", attributes: ["reclaimed": "0"])
        var answer = NetworkPruneResponse()
        answer.networksDeleted = names.isEmpty ? nil : names
        return answer
    }

    private func announce(_ network: Network, _ action: String) {
        events.publish(
            "network", action, id: network.id, attributes: ["name": network.name, "type": network.driver.rawValue])
    }

    private static func accepts(_ network: Network, _ filters: Filters) -> Bool {
        if let names = filters["name"], !names.contains(where: { network.name.contains($0) }) { return false }
        if let ids = filters["id"], !ids.contains(where: { network.id.hasPrefix($0) }) { return false }
        if let drivers = filters["driver"], !drivers.contains(network.driver.rawValue) { return false }
        if let scopes = filters["scope"], !scopes.contains("local") { return false }
        if let types = filters["type"], !types.contains(network.isPredefined ? "builtin" : "custom") { return false }
        return filters.matchesLabels(network.labels)
    }

    private static func view(_ network: Network, endpoints: [Endpoint]?) -> NetworkInspect {
        var view = NetworkInspect()
        view.name = network.name
        view.id = network.id
        view.created = network.created.rfc3339Nano
        view.scope = "local"
        view.driver = network.driver.rawValue
        view.enableIPv4 = true
        view.enableIPv6 = network.enablesIPv6
        view.ipam.driver = "default"
        view.ipam.options = network.ipamOptions.isEmpty ? nil : network.ipamOptions
        view.ipam.config =
            network.pools.isEmpty
            ? nil
            : network.pools.map { pool in
                var config = IPAMConfig()
                config.subnet = pool.subnet.description
                config.gateway = pool.gateway?.description
                config.ipRange = pool.range?.description
                config.auxiliaryAddresses = pool.auxiliary.isEmpty ? nil : pool.auxiliary.mapValues(\.description)
                return config
            }
        view.isInternal = network.isInternal
        view.attachable = network.isAttachable
        view.options = network.options
        view.labels = network.labels
        guard let endpoints else { return view }
        var shown: [String: NetworkContainer] = [:]
        for endpoint in endpoints {
            var container = NetworkContainer()
            container.name = endpoint.containerName
            container.endpointID = endpoint.id
            container.macAddress = endpoint.mac?.description ?? ""
            container.ipv4Address = endpoint.address?.description ?? ""
            shown[endpoint.containerID] = container
        }
        view.containers = shown
        return view
    }
}
