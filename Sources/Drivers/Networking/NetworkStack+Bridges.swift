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
            guard let network = stack.attached[id]?.network else { throw NetworkErrors.notFound(id) }
            let index = try await Blocking.run { [configuration = stack.configuration, firewall = stack.firewall] in
                let index = try host.ensureBridge(
                    network, mtu: stack.mtu(network), isOurs: stack.isOurs(network), configuration: configuration)
                var change = FirewallChange()
                change.bridgesAdded = [stack.firewallBridge(network)].compactMap(\.self)
                try firewall.apply(change)
                return index
            }
            stack.attached[id]?.bridge = index
            return BridgeHandle(index: index, host: host)
        }
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
