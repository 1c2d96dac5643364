// SPDX-License-Identifier: Apache-2.0
// What a restarted daemon finds: containers that still run, rules of its predecessor, endpoints of the dead.
import AsyncSystem
import Logging
import Netlink
import Primitives

extension NetworkStack {
    /// Rebuilds firewall and port reservations for the endpoints of the containers that still run (full ids), frees
    /// those of all others. Ports that can no longer be reserved are logged, the container stays.
    package func reconcile(live: Set<String>) async throws {
        let dead = endpointsByID.values.filter { !live.contains($0.containerID) }
        for endpoint in dead {
            endpointsByID[endpoint.id] = nil
            if let address = endpoint.address?.address {
                attached[endpoint.networkID]?.allocator?.release(address)
            }
        }
        let alive = endpointsByID.values.filter { $0.address != nil && attached[$0.networkID] != nil }
        let host = try await host()
        let used = Set(alive.map(\.networkID))
        let bridges = attached.values.map(\.network).filter { $0.driver == .bridge }
        let indexes = try await Blocking.run { [self] in
            try restore(alive, bridges, used, host)
        }
        for (id, index) in indexes {
            attached[id]?.bridge = index
            attached[id]?.users = alive.count { $0.networkID == id }
        }
        for endpoint in alive { proxies.start(endpoint, reservations: ports) }
        if !dead.isEmpty { try await save(dead.map { NetworkRecordChange(.endpoint, $0.id, nil) }) }
    }

    private nonisolated func restore(
        _ alive: [Endpoint], _ bridges: [Network], _ used: Set<String>, _ host: HostLinks
    ) throws -> [String: Int32] {
        reserveAgain(alive)
        var indexes: [String: Int32] = [:]
        for network in bridges where used.contains(network.id) {
            indexes[network.id] = try host.ensureBridge(
                network, mtu: mtu(network), isOurs: isOurs(network), configuration: configuration)
        }
        try firewall.reset(
            bridges: bridges.filter { used.contains($0.id) }.compactMap { firewallBridge($0) },
            ports: alive.flatMap { firewallPorts($0) })
        for network in bridges where !used.contains(network.id) && isOurs(network) {
            try host.netlink.deleteLink(named: network.bridgeLink)
        }
        return indexes
    }
}
