// SPDX-License-Identifier: Apache-2.0
// Addresses, allocation, choice of subnets, and the files: no kernel needed.
import Primitives
import SQLite
import Testing

@testable import Networking

@Suite struct AddressTests {
    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1"), ("::", "::"), ("::1", "::1"), ("2001:DB8::1", "2001:db8::1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("::ffff:1.2.3.4", "::ffff:102:304"), ("fe80::", "fe80::"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ])
    func addressesPrintInCanonicalForm(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", ":", ":::", "1::2::3", "12345::", "1:2", "::+1",
    ])
    func nonsenseIsNoAddress(text: String) { #expect(IPAddress(text) == nil) }

    @Test func subnets() throws {
        let subnet = try #require(CIDR("172.17.5.9/16"))
        #expect("\(subnet.network)" == "172.17.0.0/16")
        #expect("\(subnet.last)" == "172.17.255.255")
        #expect(subnet.contains(try #require(IPAddress("172.17.200.1"))))
        #expect(!subnet.overlaps(try #require(CIDR("172.18.0.0/16"))))
        #expect(subnet.overlaps(try #require(CIDR("0.0.0.0/0"))))
        #expect(CIDR("10.199.0/33") == nil)
        #expect("\(try #require(CIDR("fd00::5/64")).last)" == "fd00::ffff:ffff:ffff:ffff")
        #expect(MACAddress(derivedFrom: subnet.address)?.description == "02:42:ac:11:05:09")
    }

    @Test func lowestFreeAddressFirst() throws {
        var pool = NetworkPool(subnet: try #require(CIDR("10.1.0.0/29")), gateway: IPAddress("10.1.0.1"))
        pool.auxiliary = ["router": try #require(IPAddress("10.1.0.3"))]
        var allocator = try #require(AddressAllocator(pool))
        #expect(allocator.allocate() == IPAddress("10.1.0.2"))
        #expect(allocator.allocate() == IPAddress("10.1.0.4"))
        #expect(allocator.claim(try #require(IPAddress("10.1.0.5"))))
        #expect(!allocator.claim(try #require(IPAddress("10.1.0.5"))))
        #expect(!allocator.claim(try #require(IPAddress("10.1.0.1"))))
        #expect(!allocator.claim(try #require(IPAddress("10.2.0.1"))))
        #expect(allocator.allocate() == IPAddress("10.1.0.6"))
        #expect(allocator.allocate() == nil)
        allocator.release(try #require(IPAddress("10.1.0.2")))
        #expect(allocator.allocate() == IPAddress("10.1.0.2"))
        #expect(allocator.allocate() == nil)
    }

    @Test func subnetsInUseAreSkipped() throws {
        let used = ["172.17.0.0/16", "172.18.3.0/24", "0.0.0.0/0"].compactMap { CIDR($0) }
        #expect(HostLinks.freeSubnet(of: AddressPool.defaults, used: used)?.description == "172.19.0.0/16")
        let small = [AddressPool(base: try #require(CIDR("10.0.0.0/30")), size: 31)]
        let half = [try #require(CIDR("10.0.0.0/31"))]
        #expect(HostLinks.freeSubnet(of: small, used: half)?.description == "10.0.0.2/31")
        #expect(HostLinks.freeSubnet(of: small, used: [try #require(CIDR("10.0.0.0/8"))]) == nil)
    }
}

@Suite struct NetworkFileTests {
    @Test func hostsFile() throws {
        var request = NetworkFilesRequest()
        request.hostname = "web"
        request.domainName = "example.org"
        request.addresses = [try #require(IPAddress("172.17.0.2"))]
        let extra = try HostsFile.entries(
            ["db:10.0.0.5", "up=host-gateway", "six:[::1]"], hostGateway: IPAddress("172.17.0.1"))
        let text = HostsFile.text(request, extra)
        #expect(text.hasPrefix("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"))
        #expect(
            text.hasSuffix(
                "10.0.0.5\tdb\n172.17.0.1\tup\n::1\tsix\n172.17.0.2\tweb.example.org web\n"))
        #expect(throws: EngineError.self) { try HostsFile.entries(["x:y"], hostGateway: nil) }
    }

    @Test(arguments: [
        (
            "nameserver 127.0.0.1\nnameserver 10.0.0.2\nsearch a b\noptions ndots:1 # x\n",
            "nameserver 10.0.0.2\nsearch a b\noptions ndots:1\n"
        ),
        ("nameserver 127.0.0.53\nnameserver fe80::1\n", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"),
        ("", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"),
    ])
    func resolversTheContainerCanReach(host: String, expected: String) {
        #expect(ResolvConf(host).text(for: NetworkFilesRequest()) == expected)
    }

    @Test func ownResolversWin() {
        var request = NetworkFilesRequest()
        request.dns = ["1.1.1.1"]
        request.dnsSearch = ["."]
        request.dnsOptions = ["use-vc"]
        #expect(
            ResolvConf("nameserver 10.0.0.2\nsearch a\n").text(for: request)
                == "nameserver 1.1.1.1\noptions use-vc\n")
    }
}

@Suite struct PortReservationTests {
    @Test func aPortIsTakenOnce() throws {
        let ports = PortReservations()
        let container = try #require(IPAddress("172.17.0.2"))
        let loopback = try #require(IPAddress("127.0.0.1"))
        let first = try ports.reserve(
            [PortMapping(hostAddress: loopback, containerPort: 80)], owner: "a", container: container,
            defaultAddress: nil)
        let port = first[0].hostPort
        let again = PortMapping(hostAddress: loopback, hostPort: port, containerPort: 80)
        let own = #expect(throws: EngineError.self) {
            try ports.reserve([again], owner: "b", container: container, defaultAddress: nil)
        }
        #expect(own?.message == "Bind for 127.0.0.1:\(port) failed: port is already allocated")
        let stranger = #expect(throws: EngineError.self) {
            try PortReservations().reserve([again], owner: "c", container: container, defaultAddress: nil)
        }
        #expect(
            stranger?.message
                == "failed to bind host port for 127.0.0.1:\(port):172.17.0.2:80/tcp: address already in use")
        ports.release(owner: "a")
        #expect(try ports.reserve([again], owner: "b", container: container, defaultAddress: nil).count == 1)
    }

    @Test func everyAddressMeansBothFamilies() throws {
        let bindings = try PortReservations().reserve(
            [PortMapping(.udp, containerPort: 53)], owner: "a", container: .anyV4, defaultAddress: nil)
        #expect(bindings.first?.hostAddress == .anyV4)
        #expect(Set(bindings.map(\.hostPort)).count == 1)
    }
}

@Suite struct NetworkRecordsTests {
    @Test func everyStoreKeepsDocuments() throws {
        let stores: [any NetworkRecords] = [
            MemoryNetworkRecords(), try DatabaseNetworkRecords(try Database(path: ":memory:")),
        ]
        for store in stores {
            try store.apply([
                NetworkRecordChange(.network, "a", [1]), NetworkRecordChange(.endpoint, "a", [2]),
                NetworkRecordChange(.network, "b", [3]),
            ])
            try store.apply([NetworkRecordChange(.network, "b", nil), NetworkRecordChange(.network, "a", [4])])
            #expect(try store.load(.network) == ["a": [4]])
            #expect(try store.load(.endpoint) == ["a": [2]])
        }
    }
}
