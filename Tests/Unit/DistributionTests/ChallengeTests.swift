// SPDX-License-Identifier: Apache-2.0
// What registries ask for, and which may be spoken to in clear.
import Testing

@testable import Distribution

@Suite struct ChallengeTests {
    @Test(arguments: [
        (
            #"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#, "bearer",
            ["realm": "https://a/t", "service": "s", "scope": "repository:x:pull,push"]
        ),
        (#"bearer realm=https://a/t, service=s"#, "bearer", ["realm": "https://a/t", "service": "s"]),
        (#"Basic realm="a \"b\" c""#, "basic", ["realm": #"a "b" c"#]),
        ("Basic", "basic", [:]),
        (#"Bearer realm="unclosed"#, "bearer", ["realm": "unclosed"]),
        (#"Bearer realm="#, "bearer", ["realm": ""]),
        ("Bearer ,,,", "bearer", [:]),
        (#"Bearer a="\"#, "bearer", ["a": ""]),
    ]) func parses(_ header: String, _ scheme: String, _ parameters: [String: String]) {
        let challenge = Challenge(header)
        #expect(challenge?.scheme == scheme)
        #expect(challenge?.parameters == parameters)
    }

    @Test func nothingIsNoChallenge() { #expect(Challenge("") == nil) }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("user:pässword", "dXNlcjpww6Rzc3dvcmQ="),
    ])
    func base64(_ text: String, _ expected: String) { #expect(Base64.encode(Array(text.utf8)) == expected) }

    @Test(arguments: [
        ("docker.io", false), ("example.com", false), ("localhost", true), ("localhost:5000", true),
        ("127.0.0.1:5000", true),
        ("127.9.9.9", true), ("128.0.0.1", false), ("[::1]:5000", true), ("10.1.2.3:80", true), ("11.1.2.3", false),
        ("reg.local:5000", true), ("reg.local", false), ("localhost.evil.com", false), ("127.0.0.1.evil.com", false),
    ]) func insecure(_ domain: String, _ expected: Bool) {
        let policy = RegistryPolicy(insecure: ["10.0.0.0/8", "reg.local:5000"])
        #expect(policy.isInsecure(domain) == expected)
        let endpoints = policy.endpoints(for: domain)
        #expect(endpoints.contains { $0.url.hasPrefix("http://") } == expected)
        #expect(endpoints.contains { $0.isInsecure } == expected)
    }

    @Test func mirrorsAreForPullsOfDockerHub() {
        let policy = RegistryPolicy(mirrors: ["http://mirror:5000/"])
        #expect(
            policy.endpoints(for: "docker.io").map(\.url) == ["http://mirror:5000", "https://registry-1.docker.io"])
        #expect(policy.endpoints(for: "docker.io").map(\.isMirror) == [true, false])
        #expect(policy.endpoints(for: "docker.io", forPush: true).map(\.url) == ["https://registry-1.docker.io"])
        #expect(policy.endpoints(for: "ghcr.io").map(\.url) == ["https://ghcr.io"])
    }

    @Test(arguments: [
        ("https://a:1/b/c", "https://a:1"), ("https://A", "https://a"), ("http://a?x=/y", "http://a"),
        ("http://a#b", "http://a"),
        ("https://reg@evil/x", "https://reg@evil"), (#"https://reg\@evil/x"#, #"https://reg\@evil"#),
        ("nonsense", "nonsense"),
    ]) func origins(_ url: String, _ expected: String) { #expect(RegistryClient.origin(url) == expected) }
}
