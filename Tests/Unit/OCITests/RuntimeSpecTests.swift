// SPDX-License-Identifier: Apache-2.0
// Bundles parsed and written.
import JSON
import OCI
import Testing

struct RuntimeSpecTests {
    static let document = """
        {"ociVersion":"1.2.0","unknown":{"x":1},
         "process":{"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":1000,"gid":100,"umask":18,"additionalGids":[4,5]},
          "args":["sh","-c","true"],"env":["A=b"],"cwd":"/home","capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"]},
          "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],"noNewPrivileges":true,"oomScoreAdj":-500},
         "root":{"path":"rootfs","readonly":true},"hostname":"box",
         "mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/b","type":"bind","source":"/a","options":["rbind","ro"]}],
         "annotations":{"k":"v"},
         "linux":{"uidMappings":[{"containerID":0,"hostID":1000,"size":1}],"sysctl":{"net.ipv4.ip_forward":"1"},
          "cgroupsPath":"/docker/x","namespaces":[{"type":"pid"},{"type":"network","path":"/proc/1/ns/net"},{"type":"mount"}],
          "resources":{"devices":[{"allow":false,"access":"rwm"}],"memory":{"limit":1048576,"swap":-1},"cpu":{"shares":512,"cpus":"0-1"},
           "pids":{"limit":10},"blockIO":{"weight":300},"unified":{"memory.high":"1"}},
          "devices":[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438}],
          "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64"],
           "syscalls":[{"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]},
          "maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"]}}
        """

    @Test func parsesEveryPart() throws {
        let spec = try RuntimeSpec.parse(Array(Self.document.utf8))
        #expect(spec.process?.user == expectedUser)
        #expect(spec.process?.rlimits.first?.hard == UInt64.max)
        #expect(spec.process?.oomScoreAdj == -500)
        #expect(spec.root == RuntimeSpec.Root(path: "rootfs", readonly: true))
        #expect(spec.mounts.map(\.destination) == ["/proc", "/b"])
        #expect(spec.linux?.namespace(.network)?.path == "/proc/1/ns/net")
        #expect(spec.linux?.namespace(.ipc) == nil)
        #expect(spec.linux?.resources?.memory?.swap == -1)
        #expect(spec.linux?.resources?.cpu?.cpus == "0-1")
        #expect(spec.linux?.seccomp?.syscalls.first?.args.first?.value == UInt64.max)
        #expect(spec.linux?.sysctl["net.ipv4.ip_forward"] == "1")
        #expect(spec.annotations == ["k": "v"])
    }

    private var expectedUser: RuntimeSpec.User {
        var user = RuntimeSpec.User(uid: 1000, gid: 100, additionalGids: [4, 5])
        user.umask = 18
        return user
    }

    @Test func survivesARoundTrip() throws {
        let spec = try RuntimeSpec.parse(Array(Self.document.utf8))
        #expect(try RuntimeSpec(json: spec.json) == spec)
        #expect(try RuntimeSpec.parse(spec.json.serialize()) == spec)
    }

    @Test(arguments: [
        ("[]", "config: expected an object"), ("{}", "config.ociVersion: expected a string, found nothing"),
        (#"{"ociVersion":"1","process":{"cwd":"/","args":[1]}}"#, "config.process.args: expected an array of strings"),
        (
            #"{"ociVersion":"1","linux":{"namespaces":[{"type":"x"}]}}"#,
            "config.linux.namespaces[0].type: unknown namespace x"
        ),
        (
            #"{"ociVersion":"1","process":{"cwd":"/","user":{"uid":-1}}}"#,
            "config.process.user.uid: expected an integer in range"
        ),
    ])
    func namesTheFieldThatIsWrong(_ text: String, _ message: String) {
        #expect(throws: SpecError(message)) { try RuntimeSpec.parse(Array(text.utf8)) }
    }

    @Test func takesNullAsAbsent() throws {
        let spec = try RuntimeSpec.parse(
            Array(#"{"ociVersion":"1.0.2","process":null,"mounts":null,"linux":{"resources":null}}"#.utf8))
        #expect(spec.process == nil)
        #expect(spec.linux?.resources == nil)
    }
}
