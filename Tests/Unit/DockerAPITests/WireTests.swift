// SPDX-License-Identifier: Apache-2.0
// How API values are read and written.
import JSON
import Primitives
import Testing

@testable import DockerAPI

@Suite struct WireTests {
    @Test func missingAndNullFieldsHaveZeroValues() throws {
        let text = #"{"Hostname": null, "Cmd": "ls -l", "Labels": null, "HostConfig": {"Binds": null}}"#
        let request = try WireJSON.decode(ContainerCreateRequest.self, from: Array(text.utf8))
        #expect(request.config.hostname == "")
        #expect(request.config.cmd == ["ls -l"])
        #expect(request.config.labels == nil)
        #expect(request.hostConfig?.binds == nil)
        #expect(request.networkingConfig == nil)
    }

    @Test func keysAreFoundWhateverTheirCaseButKeysOfMapsAreData() throws {
        let text = #"{"image": "a", "LABELS": {"Image": "b", "cmd": "c"}, "hostconfig": {"networkMODE": "host"}}"#
        let request = try WireJSON.decode(ContainerCreateRequest.self, from: Array(text.utf8))
        #expect(request.config.image == "a")
        #expect(request.config.labels == ["Image": "b", "cmd": "c"])
        #expect(request.hostConfig?.networkMode == "host")
    }

    @Test(arguments: ["1.5", "9223372036854775808", "\"1\"", "true", "[]"])
    func numbersMustFit(_ number: String) {
        #expect(throws: EngineError.self) {
            try WireJSON.decode(ContainerCreateRequest.self, from: Array(#"{"StopTimeout": \#(number)}"#.utf8))
        }
    }

    @Test func optionalsAreLeftOutAndNullablesAreNull() throws {
        let json = try JSONValue.parse(WireJSON.encode(ContainerConfig()))
        #expect(json["Healthcheck"] == nil)
        #expect(json["Env"] == .null)
        #expect(json["Tty"] == false)
    }

    @Test func portsMayBeNull() throws {
        var settings = NetworkSettings()
        settings.ports.updateValue(nil, forKey: "80/tcp")
        settings.ports["81/tcp"] = [PortBinding()]
        let json = try JSONValue.parse(WireJSON.encode(settings))
        #expect(json["Ports"]?["80/tcp"] == .null)
        #expect(json["Ports"]?["81/tcp"]?[0]?["HostPort"] == "")
        let again = try WireJSON.decode(NetworkSettings.self, from: WireJSON.encode(settings))
        #expect(again == settings)
    }

    @Test(arguments: [
        ("", "EOF"), ("{", "invalid JSON"), (#"{"Tty": 1}"#, "Tty"), (#"{"HostConfig": {"Memory": "x"}}"#, "Memory"),
    ])
    func wrongBodiesAreTheCallersMistake(text: String, part: String) {
        let error = #expect(throws: EngineError.self) {
            try WireJSON.decode(ContainerCreateRequest.self, from: Array(text.utf8))
        }
        #expect(error?.kind == .invalidArgument)
        #expect(error?.message.contains(part) == true)
    }

    @Test func createRequestRoundTrips() throws {
        var request = ContainerCreateRequest()
        request.config.image = "busybox"
        request.config.env = ["A=b"]
        request.hostConfig = HostConfig()
        request.hostConfig?.memory = 64 << 20
        request.hostConfig?.portBindings = ["80/tcp": [PortBinding()]]
        let again = try WireJSON.decode(ContainerCreateRequest.self, from: WireJSON.encode(request))
        #expect(again == request)
    }
}
