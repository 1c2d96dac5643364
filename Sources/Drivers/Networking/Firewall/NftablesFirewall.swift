// SPDX-License-Identifier: Apache-2.0
// The firewall as one nftables table per daemon instance: fixed chains, and sets and maps that change.
import Primitives
import Synchronization

/// Table `ip apus-<instance>`. The rules never change; bridges and ports are elements of sets and maps, so that adding
/// one costs the same with one container as with thousands. A change that the kernel refuses, because somebody flushed
/// the table behind our back, is answered by writing the whole table anew.
package final class NftablesFirewall: Firewall {
    private struct State {
        var nftables: Nftables?
        var installed = false
        var bridges: Set<FirewallBridge> = []
        var ports: Set<FirewallPort> = []
    }

    package let table: String
    private let state = Mutex(State())

    package init(instance: String) {
        table = "ip apus-" + instance.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
    }

    package func reset(bridges: [FirewallBridge], ports: [FirewallPort]) throws {
        try state.withLock { state in
            state.bridges = Set(bridges)
            state.ports = Set(ports)
            if bridges.isEmpty, ports.isEmpty {
                try remove(&state)
            } else {
                try rewrite(&state)
            }
        }
    }

    package func apply(_ change: FirewallChange) throws {
        try state.withLock { state in
            let before = state
            state.bridges.subtract(change.bridgesRemoved)
            state.bridges.formUnion(change.bridgesAdded)
            state.ports.subtract(change.portsRemoved)
            state.ports.formUnion(change.portsAdded)
            do {
                if state.bridges.isEmpty, state.ports.isEmpty {
                    try remove(&state)
                } else if !state.installed {
                    try rewrite(&state)
                } else {
                    try update(&state, before: before)
                }
            } catch {
                state.bridges = before.bridges
                state.ports = before.ports
                throw error
            }
        }
    }

    package func removeEverything() throws {
        try state.withLock { state in
            state.bridges = []
            state.ports = []
            try remove(&state)
        }
    }

    package func foreignDrop() throws -> String? {
        try state.withLock { try foreignDrop(&$0) }
    }

    /// The first forward chain of others whose policy is drop, as `table chain`.
    private func foreignDrop(_ state: inout State) throws -> String? {
        var table = ""
        var chain = ""
        for line in try run("list chains ip\n", &state).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            switch words.first {
            case "table": table = words.dropFirst(2).first ?? ""
            case "chain": chain = words.dropFirst().first ?? ""
            default: if line.contains("hook forward"), line.contains("policy drop") { return "\(table) \(chain)" }
            }
        }
        return nil
    }

    private func update(_ state: inout State, before: State) throws {
        var commands = ""
        for port in before.ports.subtracting(state.ports) { commands += element("delete", port) }
        for bridge in before.bridges.subtracting(state.bridges) { commands += elements("delete", bridge) }
        for bridge in state.bridges.subtracting(before.bridges) { commands += elements("add", bridge) }
        for port in state.ports.subtracting(before.ports) { commands += element("add", port) }
        if commands.isEmpty { return }
        do {
            try run(commands, &state)
        } catch {
            try rewrite(&state)
        }
    }

    /// Writes the table anew in one transaction: running connections keep their translation, which conntrack holds.
    private func rewrite(_ state: inout State) throws {
        // A question, not a duty: with the answer missing the ordinary rules serve.
        let drops = (try? foreignDrop(&state)).flatMap(\.self) != nil
        var commands = "add table \(table)\ndelete table \(table)\n" + ruleset(dropsForwarded: drops)
        for bridge in state.bridges { commands += elements("add", bridge) }
        for port in state.ports { commands += element("add", port) }
        try run(commands, &state)
        state.installed = true
    }

    private func remove(_ state: inout State) throws {
        try run("add table \(table)\ndelete table \(table)\n", &state)
        state.installed = false
    }

    @discardableResult
    private func run(_ commands: String, _ state: inout State) throws -> String {
        let nftables = try state.nftables ?? Nftables()
        state.nftables = nftables
        return try nftables.run(commands)
    }

    private func element(_ verb: String, _ port: FirewallPort) -> String {
        let target = verb == "add" ? " : \(port.containerAddress) . \(port.containerPort)" : ""
        if port.hostAddress.isUnspecified {
            return "\(verb) element \(table) published_any { \(port.transport.rawValue) . \(port.hostPort)\(target) }\n"
        }
        let key = "\(port.transport.rawValue) . \(port.hostAddress) . \(port.hostPort)"
        return "\(verb) element \(table) published { \(key)\(target) }\n"
    }

    private func elements(_ verb: String, _ bridge: FirewallBridge) -> String {
        let link = "\"\(bridge.link)\""
        var commands = "\(verb) element \(table) bridges { \(link) }\n"
        commands += "\(verb) element \(table) subnets { \(link) . \(bridge.subnet.network) }\n"
        if bridge.interContainerCommunication { commands += "\(verb) element \(table) same { \(link) . \(link) }\n" }
        if bridge.isInternal { commands += "\(verb) element \(table) closed { \(link) }\n" }
        if bridge.masquerade, !bridge.isInternal {
            commands += "\(verb) element \(table) outbound { \(bridge.subnet.network) }\n"
        }
        return commands
    }

    /// What each chain is for:
    /// - guard: a container cannot reach services on the host's loopback although the bridge routes 127/8 (route_localnet).
    /// - publish: a published port's address and port are replaced; a port on all addresses is looked up second.
    /// - postrouting: loopback clients and containers that reach their own network through the host come back to us
    ///   (their answers would otherwise take a short cut); what leaves the machine carries the host's address.
    /// - forward: answers and published ports enter, the same bridge talks to itself, nothing else enters.
    /// Where foreign rules drop what is forwarded, TCP from other machines and containers is left to `PortProxies`: what
    /// ends at a socket of the host is not forwarded.
    private func ruleset(dropsForwarded: Bool) -> String {
        """
        table \(table) {
          map published { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }
          map published_any { type inet_proto . inet_service : ipv4_addr . inet_service; }
          set bridges { type ifname; }
          set closed { type ifname; }
          set same { type ifname . ifname; }
          set subnets { type ifname . ipv4_addr; flags interval; }
          set outbound { type ipv4_addr; flags interval; }
          chain guard {
            type filter hook prerouting priority raw; policy accept;
            iifname @bridges ip daddr 127.0.0.0/8 drop
          }
          chain publish {
            dnat ip to meta l4proto . ip daddr . th dport map @published
            dnat ip to meta l4proto . th dport map @published_any
          }
          chain prerouting {
            type nat hook prerouting priority dstnat; policy accept;
            \(dropsForwarded ? "meta l4proto != tcp " : "")fib daddr type local jump publish
          }
          chain output {
            type nat hook output priority -100; policy accept;
            fib daddr type local jump publish
          }
          chain postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            oifname @bridges ip saddr 127.0.0.0/8 masquerade
            ct status dnat oifname . ip saddr @subnets masquerade
            oifname != @bridges ip saddr @outbound masquerade
          }
          chain forward {
            type filter hook forward priority filter; policy accept;
            ct state established,related accept
            oifname @bridges ct status dnat accept
            iifname . oifname @same accept
            oifname @bridges drop
            iifname @closed drop
          }
        }

        """
    }
}
