// SPDX-License-Identifier: Apache-2.0
// When the bridge link of a network is made and when it goes.
import AsyncSystem
import Logging
import Netlink
import Primitives

/// A bridge link that exists.
struct BridgeHandle: Sendable {
    let index: Int32
    let host: HostLinks
}

extension NetworkStack {
    /// The network's bridge link, made if need be. The caller has counted itself as a user before.
    func ensureBridge(_ id: String) async throws -> BridgeHandle {
        let host = try await host()
        if let index = attached[id]?.bridge { return BridgeHandle(index: index, host: host) }
        return try await inBridgeOrder { stack in
            if let index = stack.attached[id]?.bridge { return BridgeHandle(index: index, host: host) }
            guard let saved = stack.attached[id]?.network else { throw NetworkErrors.notFound(id) }
            let others = stack.attached.values.filter { $0.network.id != id }.flatMap { $0.network.pools.map(\.subnet) }
            let (network, index) = try await Blocking.run { try stack.makeBridge(saved, others: others, host) }
            if network.pools != saved.pools {
                try await stack.save([try stack.record(network)])
                let users = stack.attached[id]?.users ?? 0
                stack.attach(network)
                stack.attached[id]?.users = users
            }
            stack.attached[id]?.bridge = index
            return BridgeHandle(index: index, host: host)
        }
    }

    /// Makes link and rules on a blocking thread. A subnet of our own choice that another daemon or link of the machine
    /// took meanwhile is exchanged: nobody has an address of it yet.
    private nonisolated func makeBridge(
        _ saved: Network, others: [CIDR], _ host: HostLinks
    ) throws -> (Network, Int32) {
        var network = saved
        let index = try HostLinks.whileChoosing {
            if network.hasChosenSubnet, let subnet = network.ipv4Pool?.subnet {
                let used = try host.usedSubnets(except: network.bridgeLink)
                if used.contains(where: { $0.prefix > 0 && $0.overlaps(subnet) }) {
                    let pools = configuration.defaultAddressPools
                    guard let free = HostLinks.freeSubnet(of: pools, used: used + others) else {
                        throw NetworkErrors.poolsExhausted
                    }
                    network.pools = [NetworkPool(subnet: free, gateway: free.address.advanced(by: 1))]
                }
            }
            return try host.ensureBridge(
                network, mtu: mtu(network), isOurs: isOurs(network), configuration: configuration)
        }
        var change = FirewallChange()
        change.bridgesAdded = [firewallBridge(network)].compactMap(\.self)
        try firewall.apply(change)
        return (network, index)
    }

    /// Removes the bridge link of a network without endpoints, and with the last one the firewall table.
    func removeBridgeIfIdle(_ id: String) async throws {
        guard attached[id]?.bridge != nil, attached[id]?.users == 0 else { return }
        let host = try await host()
        try await inBridgeOrder { stack in
            guard let entry = stack.attached[id], entry.bridge != nil, entry.users == 0 else { return }
            // From here on a connect waits in line and makes the link anew.
            stack.attached[id]?.bridge = nil
            try await Blocking.run { [firewall = stack.firewall] in
                var change = FirewallChange()
                change.bridgesRemoved = [stack.firewallBridge(entry.network)].compactMap(\.self)
                try firewall.apply(change)
                if stack.isOurs(entry.network) { try host.netlink.deleteLink(named: entry.network.bridgeLink) }
            }
        }
    }

    /// After the last endpoint the link stays for a moment: the next container often follows at once.
    func scheduleTeardown(_ id: String) {
        guard attached[id]?.users == 0 else { return }
        // Owned by nobody: ends by itself within the linger, and does nothing if a user came meanwhile.
        Task {
            try? await Task.sleep(for: .seconds(1))
            do {
                try await removeBridgeIfIdle(id)
            } catch {
                logger.error("bridge not removed", metadata: ["network": "\(id)", "error": "\(error)"])
            }
        }
    }

    /// Runs one piece of bridge work after the other: the actor alone would let them interleave.
    func inBridgeOrder<T: Sendable>(
        _ body: @escaping @Sendable (isolated NetworkStack) async throws -> T
    ) async throws -> T {
        let before = bridgeWork
        let work = Task { () -> Result<T, any Error> in
            await before?.value
            do { return .success(try await body(self)) } catch { return .failure(error) }
        }
        bridgeWork = Task { _ = await work.value }
        return try await work.value.get()
    }
}
