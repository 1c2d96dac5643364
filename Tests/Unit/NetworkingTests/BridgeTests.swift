// SPDX-License-Identifier: Apache-2.0
// The bridge on the real kernel: own names, own table; needs root.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Logging
import Netlink
import Primitives
import Testing

@testable import Networking

/// A stack of its own on this machine.
struct Bench {
    let stack: NetworkStack
    let records: MemoryNetworkRecords
    let configuration: NetworkConfiguration

    static let isRoot = getuid() == 0
    static let comment: Comment = "needs root: makes network namespaces, links and firewall rules"

    init(
        records: MemoryNetworkRecords = MemoryNetworkRecords(), name: String? = nil, firewall: (any Firewall)? = nil
    ) async throws {
        let name = name ?? "t" + Identifier.random().prefix(8)
        var configuration = NetworkConfiguration()
        configuration.instance = name
        configuration.bridgeName = name
        self.configuration = configuration
        self.records = records
        stack = NetworkStack(
            configuration: configuration, records: records, logger: Logger(label: "test"),
            firewall: firewall)
        try await stack.start()
    }

    func connect(
        _ name: String, ports: [PortMapping] = [], network: String = "bridge"
    ) async throws -> (Sandbox, Endpoint) {
        let sandbox = try await stack.createSandbox()
        var request = EndpointRequest(containerID: name, containerName: name, network: network)
        request.ports = ports
        return (sandbox, try await stack.connect(request, sandbox: sandbox))
    }

    /// What of ours the kernel still has.
    func leftovers() throws -> [String] {
        let links = try NetlinkSocket().links().map(\.name).filter { $0 == configuration.bridgeName }
        let tables = try Nftables().run("list tables").split(separator: "\n").map(String.init)
        return links + tables.filter { $0.contains(configuration.instance) }
    }
}

/// Answers one TCP connection in the sandbox with "hello"; the socket is made inside, served from outside.
func serve(_ sandbox: Sandbox, port: UInt16) async throws {
    let listener = try await Blocking.inNamespace(sandbox.descriptor.raw) {
        let raw = try check("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        var address = SocketAddress(.anyV4, port)
        try check("bind") { address.withPointer { apus_bind(raw, $0, $1) } }
        try check("listen") { listen(raw, 16) }
        return raw
    }
    Thread {
        for _ in 0..<16 {
            let peer = apus_accept(listener, 0)
            if peer < 0 { break }
            _ = write(peer, "hello", 5)
            close(peer)
        }
        close(listener)
    }.start()
}

/// What the server at that address says, or the error; seen from the sandbox or the host.
func ask(_ address: String, _ port: UInt16, from sandbox: Sandbox? = nil) async throws -> String {
    let target = try #require(IPAddress(address))
    let body: @Sendable () throws -> String = {
        let family = target.isV4 ? AF_INET : AF_INET6
        let raw = try check("socket") { socket(family, Int32(SOCK_STREAM.rawValue), 0) }
        defer { close(raw) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = SocketAddress(target, port)
        if address.withPointer({ apus_connect(raw, $0, $1) }) != 0 { return Errno(call: "connect").description }
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = read(raw, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
    if let sandbox { return try await Blocking.inNamespace(sandbox.descriptor.raw, body) }
    return try await Blocking.onOwnThread(body)
}

@Suite(.enabled(if: Bench.isRoot, Bench.comment)) struct BridgeTests {
    @Test func containersReachEachOtherAndTheHost() async throws {
        let bench = try await Bench()
        let (a, first) = try await bench.connect("a")
        let (b, second) = try await bench.connect("b")
        #expect(first.address != second.address)
        #expect(first.interface == "eth0")
        try await serve(a, port: 80)
        let address = try #require(first.address?.address)
        // Where br_netfilter is loaded, foreign rules also drop what stays on the bridge.
        if await bench.stack.warnings().isEmpty {
            #expect(try await ask("\(address)", 80, from: b) == "hello")
        } else {
            print("not tried: container to container, because foreign rules drop forwarded packets on this machine")
        }
        #expect(try await ask("\(address)", 80) == "hello")
        #expect(await bench.stack.endpoints(ofContainer: "a").map(\.id) == [first.id])
        try await bench.stack.disconnectAll(containerID: "a")
        try await bench.stack.disconnectAll(containerID: "b")
        try await bench.stack.teardownIfIdle()
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func publishedPortsAreReachedFromEverywhere() async throws {
        let bench = try await Bench()
        let (a, endpoint) = try await bench.connect("a", ports: [PortMapping(containerPort: 80)])
        let (b, _) = try await bench.connect("b")
        try await serve(a, port: 80)
        let port = try #require(endpoint.bindings.first?.hostPort)
        let gateway = try #require(endpoint.gateway)
        #expect(try await ask("127.0.0.1", port) == "hello")
        #expect(try await ask("\(gateway)", port) == "hello")
        #expect(try await ask("\(gateway)", port, from: b) == "hello", "another container, through the host")
        #expect(try await ask("\(gateway)", port, from: a) == "hello", "the container itself, through the host")
        if endpoint.bindings.contains(where: { $0.hostAddress.isV6 }) {
            #expect(try await ask("::1", port) == "hello", "IPv6 loopback")
        }
        let taken = await #expect(throws: EngineError.self) {
            try await bench.connect("c", ports: [PortMapping(hostPort: port, containerPort: 80)])
        }
        #expect(taken?.message.hasSuffix("Bind for 0.0.0.0:\(port) failed: port is already allocated") == true)
        #expect(taken?.message.hasPrefix("driver failed programming external connectivity on endpoint c (") == true)
        try await bench.stack.disconnectAll(containerID: "a")
        #expect(try await ask("127.0.0.1", port).hasPrefix("connect"))
        try await bench.stack.removeEverything()
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func fiftyAtOnceGetFiftyAddresses() async throws {
        let bench = try await Bench()
        let results = try await withThrowingTaskGroup(of: (Sandbox, Endpoint).self) { group in
            for number in 0..<50 { group.addTask { try await bench.connect("c\(number)") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(results.compactMap(\.1.address)).count == 50)
        await #expect(throws: EngineError.self) { try await bench.connect("c1") }
        let saved = try bench.records.load(.endpoint).count
        #expect(saved == 50)
        try await bench.stack.removeEverything()
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func aRestartedDaemonKnowsTheLivingAndFreesTheDead() async throws {
        let bench = try await Bench()
        let (a, endpoint) = try await bench.connect("a", ports: [PortMapping(containerPort: 80)])
        _ = try await bench.connect("dead")
        try await serve(a, port: 80)
        let port = try #require(endpoint.bindings.first?.hostPort)
        // As after a kill: the sockets are gone, records, links and rules stay.
        await bench.stack.proxies.stop(owner: endpoint.id)
        bench.stack.ports.release(owner: endpoint.id)
        let next = try await Bench(records: bench.records, name: bench.configuration.instance)
        try await next.stack.reconcile(live: ["a"])
        #expect(await next.stack.endpoints(ofContainer: "dead").isEmpty)
        #expect(await next.stack.endpoints(ofContainer: "a").map(\.address) == [endpoint.address])
        #expect(try await ask("127.0.0.1", port) == "hello")
        await #expect(throws: EngineError.self) {
            try await next.connect("c", ports: [PortMapping(hostPort: port, containerPort: 80)])
        }
        let (_, other) = try await next.connect("d")
        #expect(other.address != endpoint.address)
        // Somebody flushes our table: the next change writes it anew.
        try Nftables().run("delete table ip apus-\(bench.configuration.instance)")
        try await next.stack.disconnectAll(containerID: "d")
        _ = try await next.connect("e", ports: [PortMapping(containerPort: 81)])
        #expect(try await ask("127.0.0.1", port) == "hello")
        try await next.stack.reconcile(live: [])
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func networksOfUsersAreApart() async throws {
        let bench = try await Bench()
        var spec = NetworkSpec(name: "own")
        var pool = NetworkSpec.PoolSpec()
        pool.subnet = "10.213.7.0/24"
        spec.pools = [pool]
        let network = try await bench.stack.createNetwork(spec)
        await #expect(throws: EngineError.self) { try await bench.stack.createNetwork(spec) }
        let (a, endpoint) = try await bench.connect("a", network: "own")
        let (b, _) = try await bench.connect("b")
        try await serve(a, port: 80)
        #expect(endpoint.address?.description == "10.213.7.2/24")
        #expect(try await ask("10.213.7.2", 80, from: b).hasPrefix("connect"))
        #expect(try await ask("10.213.7.2", 80) == "hello")
        let active = await #expect(throws: EngineError.self) { try await bench.stack.removeNetwork("own") }
        #expect(
            active?.message
                == "error while removing network: network own id \(network.id) has active endpoints")
        try await bench.stack.disconnectAll(containerID: "a")
        try await bench.stack.removeNetwork("own")
        try await bench.stack.removeEverything()
        #expect(try bench.leftovers().isEmpty)
        await #expect(throws: EngineError.self) { try await bench.stack.removeNetwork("bridge") }
        #expect(await bench.stack.networks().map(\.name).sorted() == ["bridge", "host", "none"])
    }

    @Test func otherMachinesReachPublishedPortsOnly() async throws {
        let bench = try await Bench()
        let (a, endpoint) = try await bench.connect("a", ports: [PortMapping(containerPort: 80)])
        try await serve(a, port: 80)
        try await serve(a, port: 81)
        // "Another machine": a namespace behind a link of its own, which routes everything through this host.
        let outside = try await bench.stack.createSandbox()
        let netlink = try NetlinkSocket()
        let number = UInt8.random(in: 0...255)
        let near = try #require(CIDR("10.214.\(number).1/30"))
        let far = try #require(CIDR("10.214.\(number).2/30"))
        let name = "o" + bench.configuration.instance
        try netlink.createVeth(
            VethPair(
                name: name, master: 0, peerName: "eth0", peerAddress: MACAddress.random().bytes,
                peerNamespace: outside.descriptor.raw))
        try netlink.addAddress(near, toLink: try #require(try netlink.link(named: name)).index)
        try outside.configure(interface: "eth0", address: far, gateway: near.address)
        let port = try #require(endpoint.bindings.first?.hostPort)
        #expect(try await ask("\(near.address)", port, from: outside) == "hello")
        let container = try #require(endpoint.address?.address)
        #expect(try await ask("\(container)", 81, from: outside).hasPrefix("connect"))
        try netlink.deleteLink(named: name)
        try await bench.stack.removeEverything()
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func hostAndNoneAreRecordsOnly() async throws {
        let bench = try await Bench()
        for name in ["host", "none"] {
            let request = EndpointRequest(containerID: name, containerName: name, network: name)
            let endpoint = try await bench.stack.connect(request, sandbox: nil)
            #expect(endpoint.address == nil)
            #expect(await bench.stack.endpoints(ofNetwork: endpoint.networkID).count == 1)
            try await bench.stack.disconnect(containerID: name, network: name)
            await #expect(throws: EngineError.self) {
                try await bench.stack.disconnect(containerID: name, network: name)
            }
        }
        #expect(try bench.records.load(.endpoint).isEmpty)
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func aRunningContainerLeavesANetwork() async throws {
        let bench = try await Bench()
        _ = try await bench.stack.createNetwork(NetworkSpec(name: "second"))
        let (sandbox, _) = try await bench.connect("a")
        var request = EndpointRequest(containerID: "a", containerName: "a", network: "second")
        request.providesDefaultRoute = false
        let endpoint = try await bench.stack.connect(request, sandbox: sandbox)
        #expect(endpoint.interface == "eth1")
        #expect(try sandbox.netlink.routes().count { $0.destination == nil } == 1)
        try await bench.stack.disconnect(containerID: "a", network: "second", sandbox: sandbox)
        #expect(try sandbox.netlink.links().map(\.name).sorted() == ["eth0", "lo"])
        try await bench.stack.removeEverything()
    }

    @Test func containersMayBeKeptApart() async throws {
        let bench = try await Bench()
        var spec = NetworkSpec(name: "apart")
        spec.options = [BridgeOption.interContainer: "false"]
        _ = try await bench.stack.createNetwork(spec)
        let (a, endpoint) = try await bench.connect("a", network: "apart")
        let (b, _) = try await bench.connect("b", network: "apart")
        try await serve(a, port: 80)
        let address = try #require(endpoint.address?.address)
        #expect(try await ask("\(address)", 80) == "hello")
        #expect(try await ask("\(address)", 80, from: b).hasPrefix("connect"))
        try await bench.stack.removeEverything()
    }

    @Test func withoutFirewallTheProxyServes() async throws {
        let bench = try await Bench(firewall: NoFirewall())
        let (a, endpoint) = try await bench.connect("a", ports: [PortMapping(containerPort: 80)])
        try await serve(a, port: 80)
        #expect(try await ask("127.0.0.1", try #require(endpoint.bindings.first?.hostPort)) == "hello")
        try await bench.stack.removeEverything()
        #expect(try bench.leftovers().isEmpty)
    }

    @Test func staticAddresses() async throws {
        let bench = try await Bench()
        var spec = NetworkSpec(name: "own")
        var pool = NetworkSpec.PoolSpec()
        pool.subnet = "10.213.9.0/24"
        pool.range = "10.213.9.64/28"
        spec.pools = [pool]
        _ = try await bench.stack.createNetwork(spec)
        let sandbox = try await bench.stack.createSandbox()
        var request = EndpointRequest(containerID: "a", containerName: "a", network: "own")
        request.ipv4Address = IPAddress("10.213.9.7")
        #expect(try await bench.stack.connect(request, sandbox: sandbox).address?.description == "10.213.9.7/24")
        let (_, ranged) = try await bench.connect("b", network: "own")
        #expect(ranged.address?.description == "10.213.9.64/24")
        for (address, message) in [
            ("10.213.9.7", "Address already in use"), ("10.9.9.9", "no configured subnet contains IP address 10.9.9.9"),
        ] {
            var other = EndpointRequest(containerID: "c", containerName: "c", network: "own")
            other.ipv4Address = IPAddress(address)
            let wanted = other
            let error = await #expect(throws: EngineError.self) {
                try await bench.stack.connect(wanted, sandbox: sandbox)
            }
            #expect(error?.message.hasSuffix(message) == true)
        }
        try await bench.stack.removeEverything()
    }

    @Test func connectIsFast() async throws {
        let bench = try await Bench()
        _ = try await bench.connect("warm")
        let clock = ContinuousClock()
        var sandboxes: [Sandbox] = []
        for _ in 0..<20 { sandboxes.append(try await bench.stack.createSandbox()) }
        let time = try await clock.measure {
            for (number, sandbox) in sandboxes.enumerated() {
                _ = try await bench.stack.connect(
                    EndpointRequest(containerID: "c\(number)", containerName: "c", network: "bridge"), sandbox: sandbox)
            }
        }
        print("connect: \(time / 20) each")
        try await bench.stack.removeEverything()
    }
}
