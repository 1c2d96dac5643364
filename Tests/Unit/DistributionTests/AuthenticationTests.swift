// SPDX-License-Identifier: Apache-2.0
// Who gets to see credentials and tokens.
import Glibc
import HTTP
import JSON
import OCI
import Primitives
import Storage
import Testing

@testable import Distribution

@Suite(.enabled(if: geteuid() == 0, "unpacking sets owners: run it as root"), .timeLimit(.minutes(5)))
struct AuthenticationTests {
    static let user = Credentials(username: "me", password: "secret")
    static let basic = "Basic bWU6c2VjcmV0"

    /// A registry that wants a token, which its `/token` gives to `me`.
    private func guarded(realm: String? = nil, first: FakeRegistry.Interference? = nil) async throws -> FakeRegistry {
        try await FakeRegistry { request, responder, registry in
            if let first, try await first(request, responder, registry) { return true }
            if request.rawPath.hasPrefix("/token") {
                if request.headers["Authorization"] == Self.basic || request.method == "POST" {
                    try await responder.send(200, body: Array(#"{"token":"good"}"#.utf8))
                } else {
                    try await responder.send(
                        401,
                        body: Array(
                            #"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#.utf8))
                }
                return true
            }
            if request.headers["Authorization"] == "Bearer good" { return false }
            let challenge =
                #"Bearer realm="\#(realm ?? registry.url + "/token")",service="here",scope="repository:app:pull""#
            try await responder.send(
                401, [("WWW-Authenticate", challenge)],
                body: Array(#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#.utf8))
            return true
        }
    }

    private func pull(_ registry: FakeRegistry, _ credentials: Credentials) async throws {
        let place = try Place()
        FakeImage().publish(registry)
        do {
            _ = try await place.registries.pull(
                registry.reference(), credentials: credentials, progress: PullTests.quiet)
        } catch {
            await place.registries.close()
            throw error
        }
        await place.registries.close()
    }

    @Test func fetchesATokenOnce() async throws {
        let registry = try await guarded()
        try await pull(registry, Self.user)
        let tokens = registry.asked.filter { $0.path == "/token" }
        #expect(tokens.map(\.authorization) == [Self.basic])
        #expect(registry.asked.filter { $0.path != "/token" }.allSatisfy { $0.authorization != Self.basic })
        await registry.close()
    }

    @Test func identityTokensArePosted() async throws {
        let registry = try await guarded()
        try await pull(registry, Credentials(identityToken: "refresh"))
        #expect(registry.asked.first { $0.path == "/token" }?.method == "POST")
        await registry.close()
    }

    @Test func wrongPasswordIsSaid() async throws {
        let registry = try await guarded()
        let error = await #expect(throws: EngineError.self) {
            try await pull(registry, Credentials(username: "me", password: "wrong"))
        }
        #expect(error?.message.contains("incorrect username or password") == true)
        // No guessing on: the registry would lock the account.
        #expect(registry.asked.filter { $0.path == "/token" }.count == 1)
        await registry.close()
    }

    @Test func basicAuthentication() async throws {
        let registry = try await FakeRegistry { request, responder, _ in
            if request.headers["Authorization"] == Self.basic { return false }
            try await responder.send(401, [("WWW-Authenticate", #"Basic realm="here""#)])
            return true
        }
        try await pull(registry, Self.user)
        await #expect(throws: EngineError.self) { try await pull(registry, Credentials()) }
        await registry.close()
    }

    @Test(arguments: [
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/x", "unix:///var/run/docker.sock", "file:///etc/passwd", "ftp://x/y",
        "x",
    ])
    func realmsMustBeWebAddresses(_ realm: String) async throws {
        let registry = try await guarded(realm: realm)
        let error = await #expect(throws: EngineError.self) { try await pull(registry, Self.user) }
        #expect(error?.message.contains("no web address") == true, "\(error?.message ?? "")")
        await registry.close()
    }

    /// Blobs often lie elsewhere; where, nobody learns our token.
    @Test func redirectsCarryNoToken() async throws {
        let storage = try await FakeRegistry()
        let registry = try await guarded { request, responder, _ in
            guard request.rawPath.contains("/blobs/"), request.headers["Authorization"] == "Bearer good" else {
                return false
            }
            try await responder.send(307, [("Location", storage.url + request.rawPath)])
            return true
        }
        FakeImage().publish(storage)
        try await pull(registry, Self.user)
        #expect(storage.asked.count == 2)
        #expect(storage.asked.allSatisfy { $0.authorization == nil })
        await registry.close()
        await storage.close()
    }

    /// A mirror of Docker Hub that asks for a password is not told the one for Docker Hub.
    @Test func mirrorsGetNoCredentials() async throws {
        let mirror = try await FakeRegistry { request, responder, registry in
            guard registry.next("asked") == 1 else { return false }
            try await responder.send(401, [("WWW-Authenticate", #"Basic realm="mirror""#)])
            return true
        }
        FakeImage().publish(mirror, "private/app")
        let place = try Place(policy: RegistryPolicy(mirrors: [mirror.url]))
        let reference = try ImageReference(parsing: "private/app:1")
        let image = try await place.registries.pull(reference, credentials: Self.user, progress: PullTests.quiet)
        #expect(image.tags == [reference])
        #expect(mirror.asked.count == 4)
        #expect(mirror.asked.allSatisfy { $0.authorization == nil })
        await place.registries.close()
        await mirror.close()
    }

    @Test func redirectsInACircleEnd() async throws {
        let registry = try await FakeRegistry { request, responder, registry in
            guard request.rawPath.contains("/blobs/") else { return false }
            try await responder.send(302, [("Location", registry.url + request.rawPath)])
            return true
        }
        await #expect(throws: EngineError.self) { try await pull(registry, Credentials()) }
        await registry.close()
    }

    /// A push whose upload is sent to another host: the blob goes there, the token does not.
    @Test func uploadsElsewhereCarryNoToken() async throws {
        let storage = try await FakeRegistry { request, responder, registry in
            _ = try await request.collectBody(limit: 1 << 20)
            try await responder.send(201)
            return true
        }
        let registry = try await guarded { request, responder, registry in
            guard request.headers["Authorization"] == "Bearer good" else { return false }
            switch request.method {
            case "HEAD": try await responder.send(404)
            case "POST": try await responder.send(202, [("Location", storage.url + "/upload?x=1")])
            case "PUT":
                _ = try await request.collectBody(limit: 1 << 20)
                try await responder.send(201)
            default: return false
            }
            return true
        }
        let (source, place) = (try await FakeRegistry(), try Place())
        FakeImage().publish(source)
        let image = try await place.registries.pull(source.reference(), progress: PullTests.quiet)
        try await place.registries.push(
            image, to: registry.reference("copy:1"), credentials: Self.user, progress: PullTests.quiet)
        #expect(storage.asked.map(\.method) == ["PUT", "PUT"])
        #expect(storage.asked.allSatisfy { $0.authorization == nil })
        await place.registries.close()
        for server in [source, registry, storage] { await server.close() }
    }
}
