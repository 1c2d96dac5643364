// SPDX-License-Identifier: Apache-2.0
// What a create request may ask for, and what comes of it.
import DockerAPI
import JSON
import Primitives
import Testing

@testable import Engine

@Suite struct CreateTests {
    @Test(arguments: [
        #"{"Image": "x", "HostConfig": {"Links": ["a:b"]}}"#, #"{"HostConfig": {"VolumesFrom": ["a"]}}"#,
        #"{"HostConfig": {"Nope": 1}}"#, #"{"Nope": "x"}"#,
        #"{"HostConfig": {"Mounts": [{"Type": "volume", "VolumeOptions": {"Subpath": "a"}}]}}"#,
        #"{"NetworkingConfig": {"EndpointsConfig": {"bridge": {"DriverOpts": {"a": "b"}}}}}"#,
    ])
    func whatIsNotBuiltIsRefusedByName(body: String) throws {
        let json = try JSONValue.parse(body)
        let error = #expect(throws: EngineError.self) { try FieldSupport.check(json) }
        #expect(error?.kind == .notImplemented)
    }

    @Test func defaultsOfUnbuiltFieldsPass() throws {
        try FieldSupport.check(
            try JSONValue.parse(
                #"{"Image": "x", "ArgsEscaped": false, "HostConfig": {"Links": null, "VolumesFrom": [], "Isolation": "", "KernelMemory": 0, "VolumeDriver": "local", "Unheard": {}}}"#
            ))
    }

    @Test(arguments: [
        (["a=b"], ["A=1", "B=2"], ["a=b", "A=1", "B=2"]), (["A=x"], ["A=1", "B=2"], ["A=x", "B=2"]),
        (["A"], ["A=1", "B=2"], ["A", "B=2"]),
    ])
    func environmentOfImageAndUser(given: [String], image: [String], expected: [String]) throws {
        var request = ContainerConfig()
        request.env = given
        var defaults = ContainerConfig()
        defaults.env = image
        #expect(try ConfigurationMerge.merge(request, image: defaults).env == expected)
    }

    @Test func commandAndEntrypoint() throws {
        var image = ContainerConfig()
        image.entrypoint = ["/entry"]
        image.cmd = ["arg"]
        func merged(_ change: (inout ContainerConfig) -> Void) throws -> [String] {
            var request = ContainerConfig()
            change(&request)
            let config = try ConfigurationMerge.merge(request, image: image)
            return (config.entrypoint ?? []) + (config.cmd ?? [])
        }
        #expect(try merged { _ in } == ["/entry", "arg"])
        #expect(try merged { $0.cmd = ["other"] } == ["/entry", "other"])
        #expect(try merged { $0.entrypoint = ["/mine"] } == ["/mine"])
        #expect(
            try merged {
                $0.entrypoint = [""]
                $0.cmd = ["sh"]
            } == ["sh"])
    }

    @Test func mountsOfEveryKind() throws {
        var host = HostConfig()
        host.binds = ["/src:/dst:ro", "name:/vol", "/only"]
        host.tmpfs = ["/tmp": "size=1m"]
        var spec = MountSpec()
        spec.type = "tmpfs"
        spec.target = "/spec"
        host.mounts = [spec]
        let plan = try MountPlan.make(host, declaredVolumes: ["/vol", "/declared/"])
        let byPath = Dictionary(uniqueKeysWithValues: plan.mounts.map { ($0.point.destination, $0) })
        #expect(byPath.count == 6)
        #expect(byPath["/dst"]?.point.rw == false)
        #expect(byPath["/vol"]?.isAnonymous == false)
        #expect(byPath["/only"]?.isAnonymous == true)
        #expect(byPath["/declared"]?.isAnonymous == true)
        #expect(byPath["/tmp"]?.tmpfsOptions == ["size=1m"])
    }

    @Test(arguments: [
        ("/a:/b,/c:/b", "Duplicate mount point: /b"), ("./a:/b", "includes invalid characters"),
        ("/tmp:b", "mount path must be absolute"), ("/a:/b:nope", "invalid mode: nope"),
        ("/a:/", "destination can't be '/'"),
    ])
    func badBinds(text: String, part: String) {
        var host = HostConfig()
        host.binds = text.split(separator: ",").map(String.init)
        let error = #expect(throws: EngineError.self) { try MountPlan.make(host, declaredVolumes: []) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func limitsOfTheMachine() {
        let limits = MachineLimits(cpus: 2, runtimes: ["apus"], cgroupVersion: 1, defaultRuntime: "apus")
        func message(_ change: (inout HostConfig) -> Void) -> String? {
            var host = HostConfig()
            change(&host)
            do {
                try ConfigurationCheck.check(ContainerConfig(), host, limits: limits)
                return nil
            } catch {
                return error.message
            }
        }
        #expect(message { _ in } == nil)
        #expect(message { $0.memory = 1000 } == "Minimum memory limit allowed is 6MB")
        #expect(message { $0.memorySwap = 1 << 30 }?.hasPrefix("You should always set the Memory limit") == true)
        #expect(
            message { $0.nanoCpus = 999_000_000_000 }
                == "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available")
        #expect(message { $0.cpusetCpus = "77" } == "Requested CPUs are not available - requested 77, available: 0-1")
        #expect(message { $0.capAdd = ["CAP_NOPE"] } == "invalid CapAdd: unknown capability: \"CAP_NOPE\"")
        #expect(message { $0.runtime = "nope" } == "unknown or invalid runtime name: nope")
        #expect(
            message { $0.logConfig.type = "nope" }
                == "error looking up logging plugin nope: plugin \"nope\" not found")
        #expect(
            message {
                $0.autoRemove = true
                $0.restartPolicy.name = "always"
            } == "can't create 'AutoRemove' container with restart policy")
    }
}
