// SPDX-License-Identifier: Apache-2.0
// Addresses of daemons, and the order in which they are looked for.
import Testing

@testable import DockerClient

@Suite struct EndpointTests {
    @Test(arguments: [
        ("unix:///run/x.sock", HostEndpoint.Address.unix(path: "/run/x.sock")),
        ("/run/x.sock", .unix(path: "/run/x.sock")),
        ("tcp://h:1", .tcp(host: "h", port: "1")), ("tcp://h", .tcp(host: "h", port: "2375")),
        ("h:5", .tcp(host: "h", port: "5")), ("tcp://[::1]:7", .tcp(host: "::1", port: "7")),
        ("ssh://u@h:22/p", .ssh(user: "u", host: "h", port: "22", path: "/p")),
    ])
    func parses(_ text: String, _ address: HostEndpoint.Address) throws {
        #expect(try HostEndpoint(parsing: text).address == address)
    }

    @Test(arguments: ["fd://", "foo://x", "ssh://u:p@h", "ssh://", "ssh://-oProxyCommand=x"])
    func refuses(_ text: String) { #expect(throws: ClientError.self) { try HostEndpoint(parsing: text) } }

    @Test func prefersFlagsOverEnvironment() throws {
        var flags = EndpointFlags()
        #expect(
            try EndpointResolver(flags: flags, environment: ["DOCKER_HOST": "unix:///e"]).resolve(currentContext: nil)
                .text == "unix:///e")
        flags.hosts = ["unix:///f"]
        #expect(
            try EndpointResolver(flags: flags, environment: ["DOCKER_HOST": "unix:///e"]).resolve(currentContext: "c")
                .text == "unix:///f")
        flags.context = "c"
        #expect(throws: ClientError.self) {
            try EndpointResolver(flags: flags, environment: [:]).resolve(currentContext: nil)
        }
    }

    @Test func comparesVersionsByNumber() {
        #expect(DockerClient.isOlder("1.9", than: "1.24") && !DockerClient.isOlder("1.51", than: "1.51"))
    }

    @Test func escapesForTheRequestLine() {
        #expect(URLText.query("a b&c/ü") == "a+b%26c%2F%C3%BC")
        #expect(URLText.path("a b?c/d:e") == "a%20b%3Fc/d:e")
    }

    @Test func cutsText() {
        #expect(Text.cut("a=b=c", "=")?.after == "b=c")
        #expect(Text.split("a::b", ":") == ["a", "", "b"])
        #expect(Text.trimmed(" \t x\n") == "x")
    }

    @Test func saysWhereNobodyAnswers() {
        let client = DockerClient(
            endpoint: HostEndpoint(address: .unix(path: "/nonexistent.sock"), text: "unix:///nonexistent.sock"))
        do {
            try client.perform("GET", "/info")
            Issue.record("answered")
        } catch {
            #expect(
                "\(error)"
                    == "Cannot connect to the Docker daemon at unix:///nonexistent.sock. Is the docker daemon running?")
        }
    }
}
