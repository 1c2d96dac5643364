// SPDX-License-Identifier: Apache-2.0
// Messages as bytes, and hostile answers.
import Testing

@testable import Netlink

@Suite struct NetlinkMessageTests {
    @Test func attributesAreNestedAndPadded() {
        var message = NetlinkMessage(16, [.create, .acknowledge])
        message.append(UInt32(7))
        message.nest(18) { $0.attribute(1, "veth") }
        let bytes = message.encoded(sequence: 5)
        #expect(bytes.count == 16 + 4 + 4 + 12)
        #expect(bytes[0] == UInt8(bytes.count))
        #expect(bytes[6...7] == [0x05, 0x04])
        #expect(bytes[8] == 5)
        #expect(Array(bytes[20...]) == [16, 0, 18, 0, 9, 0, 1, 0] + Array("veth".utf8) + [0, 0, 0, 0])
    }

    @Test func repliesAreReadBack() {
        var message = NetlinkMessage(16, [])
        message.append(UInt32(7))
        message.attribute(3, "eth0")
        message.attribute(4, UInt32(1500))
        let replies = NetlinkReply.split(message.encoded(sequence: 9) + message.encoded(sequence: 10))
        #expect(replies.map(\.sequence) == [9, 10])
        let attributes = replies[1].attributes(after: 4)
        #expect(attributes.string(3) == "eth0")
        #expect(attributes.number(4, as: UInt32.self) == 1500)
        #expect(attributes.string(9) == nil)
    }

    @Test(
        arguments: [
            [], [1], [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0],
            [17, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func lengthsBeyondTheEndAreNotFollowed(datagram: [UInt8]) {
        #expect(NetlinkReply.split(datagram).isEmpty)
    }

    @Test(arguments: [[3, 0, 1, 0], [200, 0, 1, 0, 1], [4, 0], [0, 0, 0, 0]] as [[UInt8]])
    func brokenAttributesAreNone(bytes: [UInt8]) {
        #expect(NetlinkAttributes(bytes[...]).bytes(1) == nil)
    }

    @Test func loopbackIsListed() throws {
        let netlink = try NetlinkSocket()
        #expect(try netlink.link(named: "lo")?.name == "lo")
        #expect(try netlink.link(named: "apus-no-such") == nil)
        #expect(try netlink.links().contains { $0.name == "lo" })
        _ = try netlink.addresses()
        _ = try netlink.routes()
    }
}
