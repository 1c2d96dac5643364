// SPDX-License-Identifier: Apache-2.0
// The seam between networks and the kernel's packet filter.
package import Primitives

/// A bridge as the firewall sees it.
package struct FirewallBridge: Sendable, Hashable {
    package var link: String
    package var subnet: CIDR
    /// No way out, no way in, except from the host itself.
    package var isInternal = false
    package var interContainerCommunication = true
    package var masquerade = true
}

/// A published port: packets to the host address (`0.0.0.0`: any of the host's) and port go to the container.
package struct FirewallPort: Sendable, Hashable {
    package var transport: PortProtocol
    package var hostAddress: IPAddress
    package var hostPort: UInt16
    package var containerAddress: IPAddress
    package var containerPort: UInt16
}

/// What changes in one transaction.
package struct FirewallChange: Sendable {
    package var bridgesAdded: [FirewallBridge] = []
    package var bridgesRemoved: [FirewallBridge] = []
    package var portsAdded: [FirewallPort] = []
    package var portsRemoved: [FirewallPort] = []

    package init() {}
}

/// Keeps the packet filter in step. Calls block (well below a millisecond) and come from any thread; each is atomic.
/// Life: `reset` → `apply`… → `removeEverything`.
package protocol Firewall: Sendable {
    /// Replaces whatever an earlier daemon of this instance left.
    func reset(bridges: [FirewallBridge], ports: [FirewallPort]) throws
    func apply(_ change: FirewallChange) throws
    /// Leaves nothing of ours behind.
    func removeEverything() throws
    /// A chain of others that drops forwarded packets by default, which no rule of ours can undo.
    func foreignDrop() throws -> String?
}

/// `--iptables=false`: the user's rules are the only ones.
package struct NoFirewall: Firewall {
    package init() {}
    package func reset(bridges: [FirewallBridge], ports: [FirewallPort]) throws {}
    package func apply(_ change: FirewallChange) throws {}
    package func removeEverything() throws {}
    package func foreignDrop() throws -> String? { nil }
}
