// SPDX-License-Identifier: Apache-2.0
// Where a user's daemon has its files, and which users its containers get.
import Primitives
import Testing

@testable import Engine

struct RootlessTests {
    private func detect(_ user: UInt32, isInitial: Bool = true, _ environment: [String: String]) -> Rootless? {
        Rootless.detect(user: user, group: 7, isInitial: isInitial) { environment[$0] }
    }

    @Test func rootHasTheMachinesFolders() {
        #expect(detect(0, ["HOME": "/root"]) == nil)
        // The marker alone makes nobody rootless, neither does a user namespace alone.
        #expect(detect(0, [Rootless.marker: "1000:1000"]) == nil)
        #expect(detect(0, isInitial: false, ["HOME": "/root"]) == nil)
    }

    @Test func usersHaveTheirOwn() throws {
        let plain = try #require(detect(1000, ["HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/1000"]))
        let configuration = DaemonConfiguration(plain)
        #expect(configuration.dataRoot == "/home/u/.local/share/apus")
        #expect(configuration.configFile == "/home/u/.config/apus/daemon.json")
        #expect(configuration.execRoot == "/run/user/1000/apus")
        #expect(configuration.effectiveHosts == ["unix:///run/user/1000/apus.sock"])
        #expect(!plain.isInside)
        let moved = try #require(
            detect(1000, ["HOME": "/home/u", "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "relative"]))
        #expect(moved.dataFolder == "/data/apus")
        #expect(moved.configFolder == "/home/u/.config/apus")
    }

    @Test func theInnerProcessIsTheSameUser() throws {
        let inner = try #require(
            detect(0, isInitial: false, ["HOME": "/home/u", Rootless.marker: "1000:100:/user.slice/a:b"]))
        #expect(inner.user == 1000 && inner.group == 100 && inner.isInside)
        #expect(inner.controlGroup == "/user.slice/a:b")
        #expect(detect(0, isInitial: false, [Rootless.marker: "x:y"]) == nil)
    }

    @Test func theUserIsRootAndSubordinateIdsFollow() throws {
        let rootless = try #require(detect(1000, ["HOME": "/home/u"]))
        let found = try rootless.mappings(
            users: "other:1:2\nme:100000:65536\n1000:300000:10\n", groups: "me:200000:5\n", name: "me")
        #expect(found.users == ["0", "1000", "1", "1", "100000", "65536", "65537", "300000", "10"])
        #expect(found.groups == ["0", "7", "1", "1", "200000", "5"])
        let refusal = #expect(throws: EngineError.self) {
            try rootless.mappings(users: "me:100000:65536\n", groups: "", name: "me")
        }
        #expect(refusal?.message.contains("/etc/subgid") == true && refusal?.message.contains("usermod") == true)
    }
}
