// SPDX-License-Identifier: Apache-2.0
// From configuration to specification: Docker's defaults and what changes them.
import JSON
import OCI
import Primitives
import Testing

@testable import Tasks

private let host = HostFacts(capabilities: nil, kernel: KernelVersion(6, 1), usesCgroupV2: false)

private func build(_ change: (inout TaskConfiguration) -> Void = { _ in }, on host: HostFacts = host) throws
    -> RuntimeSpec
{
    var configuration = TaskConfiguration(containerID: "c1", args: ["true"])
    configuration.hostname = "box"
    change(&configuration)
    return try OCISpecBuilder(configuration: configuration, host: host).build()
}

@Suite struct SpecBuilderTests {
    @Test func defaults() throws {
        let spec = try build()
        #expect(spec.process?.env == [OCISpecBuilder.defaultPath, "HOSTNAME=box", "HOME=/"])
        #expect(spec.process?.capabilities?.bounding == Capability.defaults)
        #expect(
            spec.mounts.map(\.destination) == [
                "/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm",
            ])
        #expect(spec.linux?.cgroupsPath == "/apus/c1")
        #expect(Set(spec.linux?.namespaces.map(\.kind) ?? []) == [.mount, .network, .uts, .pid, .ipc])
        #expect(spec.linux?.sysctl["net.ipv4.ip_unprivileged_port_start"] == "0")
        #expect(spec.linux?.maskedPaths.count == 12)
        #expect(spec.linux?.resources?.devices.first == .init(allow: false, access: "rwm"))
        #expect(try RuntimeSpec.parse(spec.json.serialize()) == spec)
    }

    @Test(arguments: [
        (["A=1"], ["A=1"]), (["PATH=/x"], ["PATH=/x"]), (["A=1", "A=2"], ["A=2"]), (["A=1", "A"], []), (["E="], ["E="]),
    ])
    func environment(_ given: [String], _ expected: [String]) throws {
        let env = try #require(try build { $0.env = given }.process?.env)
        let usual = expected.contains { $0.hasPrefix("PATH=") } ? [] : [OCISpecBuilder.defaultPath]
        #expect(Set(env) == Set(usual + ["HOSTNAME=box", "HOME=/"] + expected))
    }

    @Test func privilegedTakesWhatThereIs() throws {
        var poor = host
        poor.capabilities = ["CAP_CHOWN", "CAP_SYS_ADMIN"]
        let spec = try build({ $0.privileged = true }, on: poor)
        #expect(spec.process?.capabilities?.effective == ["CAP_CHOWN", "CAP_SYS_ADMIN"])
        #expect(spec.linux?.seccomp == nil)
        #expect(spec.linux?.maskedPaths.isEmpty == true)
        #expect(spec.mounts.first { $0.destination == "/sys" }?.options.contains("ro") == false)
        #expect(spec.linux?.resources?.devices == [.init(allow: true, access: "rwm")])
    }

    @Test(
        arguments: [
            (["net_admin"], [], Capability.defaults + ["CAP_NET_ADMIN"]),
            (["CAP_CHOWN"], ["ALL"], ["CAP_CHOWN"]),
            ([], ["all"], []),
            (["ALL"], ["mknod"], Capability.all.filter { $0 != "CAP_MKNOD" }),
            ([], ["CAP_CHOWN"], Capability.defaults.filter { $0 != "CAP_CHOWN" }),
        ] as [([String], [String], [String])])
    func capabilities(_ add: [String], _ drop: [String], _ expected: [String]) throws {
        #expect(try Capability.resolve(add: add, drop: drop, privileged: false, available: nil) == expected)
    }

    @Test func unknownCapability() {
        #expect(throws: EngineError.self) {
            try Capability.resolve(add: ["FLY"], drop: [], privileged: false, available: nil)
        }
    }

    @Test func mountsReplaceDefaultsAndAreOrdered() throws {
        let spec = try build {
            $0.mounts = [
                TaskMount(.bind("/b"), at: "/data/sub", readonly: true), TaskMount(.bind("/a"), at: "/data/"),
                TaskMount(.tmpfs(options: ["exec", "size=64m"]), at: "/dev/shm"),
            ]
        }
        let tail = spec.mounts.suffix(3)
        #expect(tail.map(\.destination) == ["/data", "/data/sub", "/dev/shm"])
        #expect(tail.map(\.options)[tail.count - 2] == ["rbind", "rprivate", "rro"])
        #expect(tail.last?.options == ["nosuid", "nodev", "exec", "size=64m"])
        #expect(spec.mounts.filter { $0.destination == "/dev/shm" }.count == 1)
    }

    @Test func limits() throws {
        var wanted = TaskResources()
        wanted.memory = 64 << 20
        wanted.nanoCPUs = 1_500_000_000
        wanted.pidsLimit = 0
        let resources = try OCISpecBuilder.resources(wanted, host: host)
        #expect(resources.memory?.swap == 128 << 20)
        #expect(resources.cpu?.quota == 150_000)
        #expect(resources.pids?.limit == -1)
        #expect(resources.blockIO == nil)
    }

    @Test func ulimits() throws {
        let limits = try build { $0.ulimits = [TaskUlimit(name: "nofile", soft: 10, hard: -1)] }.process?.rlimits
        #expect(limits == [.init(type: "RLIMIT_NOFILE", hard: .max, soft: 10)])
        #expect(throws: EngineError.self) { try build { $0.ulimits = [TaskUlimit(name: "x", soft: 1, hard: 1)] } }
    }

    @Test(arguments: [
        ("c 42:* rmw", true), ("a *:* r", true), ("x 1:1 r", false), ("c 1 r", false), ("c 1:1 q", false),
    ])
    func deviceRule(_ text: String, _ isValid: Bool) {
        #expect(((try? OCISpecBuilder.rule(text)) != nil) == isValid)
    }

    @Test(
        arguments: [
            ("", 0, 0, [10]), ("root", 0, 0, [10]), ("app", 100, 101, [5]), ("app:wheel", 100, 10, []), ("7", 7, 0, []),
            ("100", 100, 101, [5]), ("7:8", 7, 8, []), ("app:77", 100, 77, []),
        ] as [(String, UInt32, UInt32, [UInt32])])
    func users(_ text: String, _ uid: UInt32, _ gid: UInt32, _ groups: [UInt32]) throws {
        let passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:100:101::/home/app:/bin/sh\n"
        let group = "root:x:0:\nwheel:x:10:root\naudio:x:5:app,other\n"
        let user = try ResolvedUser.resolve(text, passwd: passwd, group: group)
        #expect((user.uid, user.gid) == (uid, gid))
        #expect(user.additionalGids == groups)
    }

    @Test func unknownUser() {
        #expect {
            try ResolvedUser.resolve("nobody", passwd: "", group: "")
        } throws: {
            "\($0)" == "unable to find user nobody: no matching entries in passwd file"
        }
    }
}
