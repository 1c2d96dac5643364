// SPDX-License-Identifier: Apache-2.0
// Flags and daemon.json: one table, and errors that name what is wrong.
import DockerAPI
import Glibc
import Networking
import Primitives
import Testing

@testable import Engine

@Suite struct DaemonConfigurationTests {
    private func read(_ arguments: [String], file: String? = nil) throws -> DaemonConfiguration {
        let path = "/tmp/apus-test-\(Identifier.random().prefix(12)).json"
        try Files.writeNow(path, file ?? "{}")
        defer { unlink(path) }
        return try DaemonConfiguration.read(arguments: ["--config-file", path] + arguments)
    }

    @Test func spellingsOfFlags() throws {
        let configuration = try read([
            "-D", "-H", "unix:///a", "--host=tcp://127.0.0.1:1", "--data-root", "/d/", "-lwarn",
        ])
        #expect(configuration.debug)
        #expect(configuration.hosts == ["unix:///a", "tcp://127.0.0.1:1"])
        #expect(configuration.dataRoot == "/d")
        #expect(configuration.logLevel == "warn")
    }

    @Test func theFileHasTheSameSettings() throws {
        let configuration = try read(
            [],
            file: """
                {"hosts": ["unix:///b"], "debug": true, "mtu": 1400, "log-opts": {"max-size": "1m"},
                 "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}},
                 "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}
                """)
        #expect(configuration.hosts == ["unix:///b"])
        #expect(configuration.debug)
        #expect(configuration.network.mtu == 1400)
        #expect(configuration.logOptions == ["max-size": "1m"])
        #expect(configuration.defaultUlimits.first?.hard == 2)
        #expect(configuration.network.defaultAddressPools.first?.size == 24)
    }

    @Test(arguments: [
        (["--nope"], "{}", "--nope"), (["-Z"], "{}", "'Z'"), (["--data-root"], "{}", "--data-root"),
        (["--metrics-addr", "x"], "{}", "--metrics-addr"),
        ([], #"{"nope": 1}"#, "nope"),
        ([], "{", "unable to configure"),
        ([], #"{"debug": "yes"}"#, "debug"),
        (["--debug"], #"{"debug": false}"#, "debug: (from flag: true, from file: false)"),
        (["-H", "tcp://0.0.0.0:2375"], "{}", "TLS"), (["-H", "foo://x"], "{}", "foo://x"),
        (["--live-restore=false"], "{}", "live-restore"), (["--log-driver", "syslog"], "{}", "syslog"),
        (["--bridge", "br0", "--bip", "10.0.0.1/24"], "{}", "mutually exclusive"), (["stray"], "{}", "stray"),
    ])
    func refusalsNameWhatIsWrong(arguments: [String], file: String, part: String) {
        let error = #expect(throws: EngineError.self) { try read(arguments, file: file) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func plainTCPIsAllowedOnLoopbackOrWhenInsistedOn() throws {
        _ = try read(["-H", "tcp://127.0.0.1:2375"])
        _ = try read(["-H", "tcp://[::1]:2375"])
        _ = try read(["-H", "tcp://0.0.0.0:2375", "--allow-root-access-over-plain-tcp"])
    }

    @Test func instancesDoNotShareNames() {
        let first = DaemonInstance(dataRoot: "/a")
        let second = DaemonInstance(dataRoot: "/b")
        #expect(first.bridgeName != second.bridgeName)
        #expect(first.bridgeName.utf8.count <= 15)
        #expect(DaemonInstance(dataRoot: "/var/lib/apus").bridgeName == "apus0")
    }
}
