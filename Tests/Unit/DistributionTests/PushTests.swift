// SPDX-License-Identifier: Apache-2.0
// Pushes: only what is missing is sent, and what is sent is whole.
import Glibc
import HTTP
import JSON
import OCI
import Primitives
import Storage
import Testing

@testable import Distribution

@Suite(.enabled(if: geteuid() == 0, "unpacking sets owners: run it as root"), .timeLimit(.minutes(5)))
struct PushTests {
    /// A registry that takes uploads; with `mounts` it takes blobs from its repository `app`.
    private func writable(mounts: Bool = false) async throws -> FakeRegistry {
        try await FakeRegistry { request, responder, registry in
            let path = String(request.rawPath.prefix { $0 != "?" })
            switch request.method {
            case "POST":
                if mounts, let blob = request.query("mount"), request.query("from") == "app",
                    let bytes = registry.document("app/blobs/\(blob)")
                {
                    registry.serve("copy/blobs/\(blob)", bytes)
                    try await responder.send(201, [("Location", "/v2/copy/blobs/\(blob)")])
                } else {
                    try await responder.send(202, [("Location", path + "1")])
                }
            case "PUT":
                let body = try await request.collectBody(limit: 16 << 20)
                if path.contains("/manifests/") {
                    registry.serve(String(path.dropFirst(4)), body, type: request.headers["Content-Type"] ?? "")
                } else {
                    guard request.query("digest") == digest(body).description else {
                        try await responder.send(
                            400, body: Array(#"{"errors":[{"code":"DIGEST_INVALID","message":"wrong"}]}"#.utf8))
                        return true
                    }
                    registry.serve("copy/blobs/\(digest(body))", body)
                }
                try await responder.send(201)
            default: return false
            }
            return true
        }
    }

    private func pulled(_ registry: FakeRegistry, _ image: FakeImage, _ place: Place) async throws -> StoredImage {
        image.publish(registry)
        return try await place.registries.pull(registry.reference(), progress: PullTests.quiet)
    }

    @Test func pushedIsPulledAgain() async throws {
        let (source, target, place) = (try await FakeRegistry(), try await writable(), try Place())
        let image = FakeImage([PullTests.large, [2]])
        let stored = try await pulled(source, image, place)
        try await place.registries.push(stored, to: target.reference("copy:1"), progress: PullTests.quiet)
        let other = try Place()
        let again = try await other.registries.pull(target.reference("copy:1"), progress: PullTests.quiet)
        #expect(again.id == stored.id)
        #expect(again.manifestDigest == stored.manifestDigest)
        // All there: the second push sends the manifest alone.
        let before = target.asked.count
        try await place.registries.push(stored, to: target.reference("copy:2"), progress: PullTests.quiet)
        let methods = target.asked.dropFirst(before).map(\.method)
        #expect(methods == ["HEAD", "HEAD", "HEAD", "PUT"])
        for place in [place, other] { await place.registries.close() }
        for server in [source, target] { await server.close() }
    }

    @Test func mountsWhatTheRegistryHas() async throws {
        let (registry, place) = (try await writable(mounts: true), try Place())
        let stored = try await pulled(registry, FakeImage([[1], [2]]), place)
        try await place.registries.push(stored, to: registry.reference("copy:1"), progress: PullTests.quiet)
        #expect(registry.asked.filter { $0.method == "PUT" }.map(\.path) == ["/v2/copy/manifests/1"])
        #expect(registry.document("copy/blobs/\(stored.id)") != nil)
        await place.registries.close()
        await registry.close()
    }

    @Test(arguments: [401, 403, 404, 500]) func refusalsAreErrors(_ status: Int) async throws {
        let source = try await FakeRegistry()
        let target = try await FakeRegistry { request, responder, _ in
            if request.method == "HEAD" { return false }
            try await responder.send(status, body: Array(#"{"errors":[{"code":"DENIED","message":"no"}]}"#.utf8))
            return true
        }
        let place = try Place()
        let stored = try await pulled(source, FakeImage(), place)
        let reference = try target.reference("copy:1")
        let error = await #expect(throws: EngineError.self) {
            try await place.registries.push(stored, to: reference, progress: PullTests.quiet)
        }
        #expect(error?.message.contains("denied: no") == true)
        #expect(try place.images.get(stored.id).digests.count == 1)
        await place.registries.close()
        for server in [source, target] { await server.close() }
    }

    /// Nobody listens there.
    @Test func connectionRefused() async throws {
        let (source, place) = (try await FakeRegistry(), try Place())
        let stored = try await pulled(source, FakeImage(), place)
        let reference = try source.reference("copy:1")
        await source.close()
        let error = await #expect(throws: EngineError.self) {
            try await place.registries.push(stored, to: reference, progress: PullTests.quiet)
        }
        #expect(error?.message.contains("connect: connection refused") == true, "\(error?.message ?? "")")
        await place.registries.close()
    }
}
