// SPDX-License-Identifier: Apache-2.0
// Published ports of an endpoint: reserved here, and forwarded into here where the machine's ports are outside.
import Logging
import Primitives

extension NetworkStack {
    /// Every mapping or none. Blocks for microseconds, with a forwarder for milliseconds.
    nonisolated func reservePorts(
        _ wanted: [PortMapping], owner: String, container: IPAddress, defaultAddress: IPAddress?
    ) throws(EngineError) -> [PortBinding] {
        guard let forwarder else {
            return try ports.reserve(wanted, owner: owner, container: container, defaultAddress: defaultAddress)
        }
        var mappings = wanted
        for attempt in 0... {
            let inner = mappings.map(Self.inner)
            let held = try ports.reserve(inner, owner: owner, container: container, defaultAddress: nil)
            let bindings = zip(wanted, held).map { mapping, binding in
                var outer = binding
                outer.hostAddress = mapping.hostAddress ?? defaultAddress ?? .anyV4
                return outer
            }
            guard let failure = forward(bindings, by: forwarder) else { return bindings }
            ports.release(owner: owner)
            // Free in here does not mean free outside: where there is a choice, another port is tried.
            let mapping = mappings[failure.index]
            let next = bindings[failure.index].hostPort &+ 1
            if mapping.hostPort != 0, let end = mapping.hostPortEnd, next > mapping.hostPort, next <= end {
                mappings[failure.index].hostPort = next
            } else if mapping.hostPort != 0 || attempt == 16 {
                throw failure.error
            }
        }
        return []
    }

    /// What reaches us from the forwarder comes to one address, whichever it had outside.
    private static func inner(_ mapping: PortMapping) -> PortMapping {
        var inner = mapping
        inner.hostAddress = .anyV4
        return inner
    }

    /// Nil when all are forwarded; else which one is not, and none is.
    private nonisolated func forward(
        _ bindings: [PortBinding], by forwarder: any PortForwarder
    ) -> (index: Int, error: EngineError)? {
        for (index, binding) in bindings.enumerated() {
            do { try forwarder.add(binding) } catch {
                for done in bindings[..<index] { unforward(done, by: forwarder) }
                return (index, error as? EngineError ?? .internalError("\(error)", cause: error))
            }
        }
        return nil
    }

    private nonisolated func unforward(_ binding: PortBinding, by forwarder: any PortForwarder) {
        do { try forwarder.remove(binding) } catch {
            logger.error("published port stays open", metadata: ["port": "\(binding.hostPort)", "error": "\(error)"])
        }
    }

    nonisolated func releasePorts(_ endpoint: Endpoint) {
        if let forwarder { for binding in endpoint.bindings { unforward(binding, by: forwarder) } }
        ports.release(owner: endpoint.id)
    }

    /// Takes the ports of endpoints that outlived their daemon; what cannot be had is logged.
    nonisolated func reserveAgain(_ endpoints: [Endpoint]) {
        for endpoint in endpoints where !endpoint.bindings.isEmpty {
            guard let address = endpoint.address?.address else { continue }
            let mappings = endpoint.bindings.map {
                PortMapping(
                    $0.transport, hostAddress: forwarder == nil ? $0.hostAddress : .anyV4, hostPort: $0.hostPort,
                    containerPort: $0.containerPort)
            }
            do throws(EngineError) {
                _ = try ports.reserve(mappings, owner: endpoint.id, container: address, defaultAddress: nil)
            } catch {
                logger.error(
                    "published port is no longer ours to reserve",
                    metadata: ["container": "\(endpoint.containerID)", "error": "\(error)"])
            }
        }
        do { try forwarder?.keep(only: endpoints.flatMap(\.bindings)) } catch {
            logger.error("published ports are not forwarded", metadata: ["error": "\(error)"])
        }
    }

    /// IPv4 bindings are the firewall's; those of IPv6 addresses are served by a proxy.
    nonisolated func firewallPorts(_ endpoint: Endpoint) -> [FirewallPort] {
        guard let address = endpoint.address?.address else { return [] }
        return endpoint.bindings.filter(\.hostAddress.isV4).map {
            FirewallPort(
                transport: $0.transport, hostAddress: forwarder == nil ? $0.hostAddress : .anyV4, hostPort: $0.hostPort,
                containerAddress: address, containerPort: $0.containerPort)
        }
    }
}
