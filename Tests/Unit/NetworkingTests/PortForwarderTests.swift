// SPDX-License-Identifier: Apache-2.0
// Published ports of a daemon in a network namespace of its own: what is asked of the one who holds the machine's ports.
import Logging
import Primitives
import Synchronization
import Testing

@testable import Networking

/// Holds ports in memory; some belong to others.
private final class FakeForwarder: PortForwarder {
    private let foreign: Set<UInt16>
    private let held = Mutex<Set<PortBinding>>([])
    /// How many requests fail before the first succeeds, whatever the port.
    private let failures: Mutex<Int>

    init(foreign: Set<UInt16> = [], failures: Int = 0) {
        self.foreign = foreign
        self.failures = Mutex(failures)
    }

    var bindings: Set<PortBinding> { held.withLock { $0 } }

    func add(_ binding: PortBinding) throws {
        let fails = failures.withLock { left in
            left -= 1
            return left >= 0
        }
        if fails || foreign.contains(binding.hostPort) { throw EngineError.internalError("taken") }
        held.withLock { _ = $0.insert(binding) }
    }

    func remove(_ binding: PortBinding) throws { held.withLock { _ = $0.remove(binding) } }

    func keep(only bindings: [PortBinding]) throws { held.withLock { $0 = Set(bindings) } }
}

@Suite struct PortForwarderTests {
    private let container = IPAddress("172.17.0.2") ?? .anyV4

    private func stack(_ forwarder: FakeForwarder) -> NetworkStack {
        var configuration = NetworkConfiguration()
        configuration.firewall = false
        return NetworkStack(
            configuration: configuration, records: MemoryNetworkRecords(), logger: Logger(label: "test"),
            forwarder: forwarder)
    }

    private func endpoint(_ bindings: [PortBinding]) -> Endpoint {
        var endpoint = Endpoint(
            id: "e", networkID: "n", networkName: "bridge", containerID: "c", containerName: "web")
        endpoint.address = CIDR(container, prefix: 16)
        endpoint.bindings = bindings
        return endpoint
    }

    @Test func theMachinesAddressIsShownAndAnyOneIsTranslated() throws {
        let forwarder = FakeForwarder()
        let stack = stack(forwarder)
        let loopback = try #require(IPAddress("127.0.0.1"))
        let bindings = try stack.reservePorts(
            [PortMapping(.tcp, hostAddress: loopback, containerPort: 80), PortMapping(.udp, containerPort: 53)],
            owner: "e", container: container, defaultAddress: nil)
        #expect(bindings.map(\.hostAddress) == [loopback, .anyV4])
        #expect(forwarder.bindings == Set(bindings))
        let endpoint = endpoint(bindings)
        #expect(stack.firewallPorts(endpoint).allSatisfy { $0.hostAddress == .anyV4 })
        stack.releasePorts(endpoint)
        #expect(forwarder.bindings.isEmpty)
    }

    @Test func aPortThatIsTakenOutsideIsNobodys() throws {
        let probe = FakeForwarder()
        let free = try #require(
            try stack(probe).reservePorts(
                [PortMapping(.tcp, containerPort: 80)], owner: "p", container: container, defaultAddress: nil
            ).first?.hostPort)
        let forwarder = FakeForwarder(foreign: [free])
        let stack = stack(forwarder)
        #expect(throws: EngineError.self) {
            try stack.reservePorts(
                [PortMapping(.udp, containerPort: 53), PortMapping(.tcp, hostPort: free, containerPort: 80)],
                owner: "e", container: container, defaultAddress: nil)
        }
        #expect(forwarder.bindings.isEmpty)
        // And it can be asked for again: nothing in here holds it.
        #expect(throws: EngineError.self) {
            try stack.reservePorts(
                [PortMapping(.tcp, hostPort: free, containerPort: 80)], owner: "f", container: container,
                defaultAddress: nil)
        }
    }

    @Test func whereThereIsAChoiceAnotherPortIsTried() throws {
        let forwarder = FakeForwarder(failures: 3)
        let bindings = try stack(forwarder).reservePorts(
            [PortMapping(.tcp, containerPort: 80)], owner: "e", container: container, defaultAddress: nil)
        #expect(bindings.count == 1 && forwarder.bindings == Set(bindings))
        #expect(throws: EngineError.self) {
            try stack(FakeForwarder(failures: 1000)).reservePorts(
                [PortMapping(.tcp, containerPort: 80)], owner: "e", container: container, defaultAddress: nil)
        }
    }

    @Test func aRangeGoesOnBehindWhatIsTaken() throws {
        let first: UInt16 = 47_310
        let forwarder = FakeForwarder(foreign: [first, first + 1])
        let bindings = try stack(forwarder).reservePorts(
            [PortMapping(.tcp, hostPort: first, hostPortEnd: first + 20, containerPort: 80)], owner: "e",
            container: container, defaultAddress: nil)
        #expect(try #require(bindings.first).hostPort > first + 1)
        #expect(throws: EngineError.self) {
            try stack(FakeForwarder(foreign: Set(first...(first + 3)))).reservePorts(
                [PortMapping(.tcp, hostPort: first, hostPortEnd: first + 3, containerPort: 80)], owner: "e",
                container: container, defaultAddress: nil)
        }
    }

    @Test func whatAPredecessorLeftBehindEnds() throws {
        let forwarder = FakeForwarder()
        let stack = stack(forwarder)
        let bindings = try stack.reservePorts(
            [PortMapping(.tcp, containerPort: 80)], owner: "old", container: container, defaultAddress: nil)
        stack.reserveAgain([])
        #expect(forwarder.bindings.isEmpty)
        stack.releasePorts(endpoint(bindings))
    }
}
