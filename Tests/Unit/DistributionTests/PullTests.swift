// SPDX-License-Identifier: Apache-2.0
// Pulls from a registry that misbehaves.
import Glibc
import HTTP
import JSON
import OCI
import Primitives
import Storage
import Synchronization
import Testing

@testable import Distribution

@Suite(.enabled(if: geteuid() == 0, "unpacking sets owners: run it as root"), .timeLimit(.minutes(5)))
struct PullTests {
    static let quiet: TransferSink = { _ in }
    /// 3 MB that do not repeat.
    static let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }

    @Test func pulls() async throws {
        let (registry, place) = (try await FakeRegistry(), try Place())
        let image = FakeImage([[1], [2], [3], [4], [5]])
        image.publish(registry)
        let events = Mutex<[TransferEvent]>([])
        let pulled = try await place.registries.pull(registry.reference()) { event in
            events.withLock { $0.append(event) }
        }
        #expect(pulled.configuration.diffIDs == image.layers.map(digest))
        #expect(pulled.digests.map(\.digest) == [digest(image.document)])
        #expect(
            events.withLock { $0.last }
                == .status(id: nil, "Status: Downloaded newer image for 127.0.0.1:\(registry.port)/app:1"))
        let before = registry.asked.count
        _ = try await place.registries.pull(registry.reference()) { event in events.withLock { $0.append(event) } }
        #expect(registry.asked.count == before + 1)
        #expect(
            events.withLock { $0.last }
                == .status(id: nil, "Status: Image is up to date for 127.0.0.1:\(registry.port)/app:1"))
        await place.registries.close()
        await registry.close()
    }

    @Test func manyPullsOfOneImageDownloadOnce() async throws {
        let (registry, place) = (try await FakeRegistry(), try Place())
        let image = FakeImage([Self.large, [2]])
        image.publish(registry)
        let (registries, reference) = (place.registries, try registry.reference())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { _ = try await registries.pull(reference, progress: Self.quiet) } }
            try await group.waitForAll()
        }
        let blob = "/v2/app/blobs/\(image.manifest.layers[0].digest)"
        #expect(registry.asked.filter { $0.path == blob }.count == 1)
        #expect(Place.entries(place.folder + "/snapshots").count == 2)
        await place.registries.close()
        await registry.close()
    }

    /// Runs a pull that must fail; gives its message.
    private func failure(
        _ registry: FakeRegistry, _ place: Place, _ path: String = "app:1", credentials: Credentials = Credentials(),
        platform: ImagePlatform = .host
    ) async throws -> EngineError? {
        defer { #expect((try? place.images.list().isEmpty) == true) }
        do {
            _ = try await place.registries.pull(
                registry.reference(path), platform: platform, credentials: credentials, progress: Self.quiet)
            return nil
        } catch let error as EngineError {
            return error
        } catch {
            return EngineError.internalError("not classified: \(error)")
        }
    }

    struct Lie: Sendable {
        var name: String
        var message: String
        var publish: @Sendable (FakeRegistry) -> Void
    }

    static let lies: [Lie] = [
        Lie(name: "no such manifest", message: "manifest unknown") { _ in },
        Lie(name: "layer of other content", message: "verification failed") { registry in
            let image = FakeImage()
            image.publish(registry)
            registry.serve("app/blobs/\(image.manifest.layers[0].digest)", FakeImage([[3, 2, 1]]).layers[0])
        },
        Lie(name: "layer longer than said", message: "more than") { registry in
            let image = FakeImage()
            image.publish(registry)
            registry.serve("app/blobs/\(image.manifest.layers[0].digest)", image.layers[0] + [0])
        },
        Lie(name: "configuration of other content", message: "config verification failed") { registry in
            let image = FakeImage()
            image.publish(registry)
            registry.serve("app/blobs/\(image.manifest.config.digest)", FakeImage([[9]]).configuration)
        },
        Lie(name: "configuration of other size", message: "config verification failed") { registry in
            FakeImage { $0.config.size += 1 }.publish(registry)
        },
        Lie(name: "configuration too large", message: "larger than") { registry in
            let image = FakeImage()
            image.publish(registry)
            registry.serve("app/blobs/\(image.manifest.config.digest)", [UInt8](repeating: 32, count: (8 << 20) + 1))
        },
        Lie(name: "manifest too large", message: "larger than") { registry in
            registry.serve("app/manifests/1", [UInt8](repeating: 32, count: (8 << 20) + 1), type: MediaType.ociManifest)
        },
        Lie(name: "manifest no JSON", message: "invalid manifest") { registry in
            registry.serve("app/manifests/1", Array("<html>".utf8), type: MediaType.ociManifest)
        },
        Lie(name: "fewer layers than diff ids", message: "invalid manifest") { registry in
            FakeImage([[1], [2]]) { $0.layers.removeLast() }.publish(registry)
        },
        Lie(name: "layers in the wrong order", message: "layer verification failed") { registry in
            FakeImage([[1], [2]]) { $0.layers.reverse() }.publish(registry)
        },
        Lie(name: "an artifact", message: "not a container image but an artifact") { registry in
            FakeImage { $0.layers[0].mediaType = "application/vnd.example" }.publish(registry)
        },
        Lie(name: "schema 1 by type", message: "schema 1 support has been removed") { registry in
            registry.serve("app/manifests/1", Array(#"{"schemaVersion":1}"#.utf8), type: MediaType.dockerSchema1Signed)
        },
        Lie(name: "schema 1 in disguise", message: "schema 1 support has been removed") { registry in
            registry.serve(
                "app/manifests/1", Array(#"{"schemaVersion":1,"fsLayers":[]}"#.utf8), type: "application/json")
        },
        Lie(name: "index and manifest at once", message: "it is") { registry in
            let image = FakeImage()
            image.publish(registry)
            let text = String(decoding: image.document, as: UTF8.self).dropLast() + #","manifests":[]}"#
            registry.serve("app/manifests/1", Array(text.utf8), type: MediaType.ociManifest)
        },
        Lie(name: "index in an index", message: "an index inside an index") { registry in
            let inner = ImageIndex(manifests: []).json.serialize()
            let descriptor = Descriptor(
                mediaType: MediaType.ociIndex, digest: digest(inner), size: Int64(inner.count), platform: .host)
            registry.serve("app/manifests/\(digest(inner))", inner, type: MediaType.ociIndex)
            registry.serve(
                "app/manifests/1", ImageIndex(manifests: [descriptor]).json.serialize(), type: MediaType.ociIndex)
        },
        Lie(name: "index naming a digest that is not served", message: "manifest verification failed") { registry in
            let image = FakeImage()
            image.publish(registry)
            let wrong = digest([1])
            registry.serve("app/manifests/\(wrong)", image.document, type: MediaType.ociManifest)
            let index = ImageIndex(manifests: [
                Descriptor(mediaType: MediaType.ociManifest, digest: wrong, size: 1, platform: .host)
            ])
            registry.serve("app/manifests/1", index.json.serialize(), type: MediaType.ociIndex)
        },
    ]

    @Test(arguments: lies) func refuses(_ lie: Lie) async throws {
        let (registry, place) = (try await FakeRegistry(), try Place())
        lie.publish(registry)
        let error = try await failure(registry, place)
        #expect(error?.message.contains(lie.message) == true, "\(lie.name): \(error?.message ?? "no error")")
        #expect(place.leftovers.isEmpty, "\(lie.name)")
        await place.registries.close()
        await registry.close()
    }

    @Test func choosesThePlatform() async throws {
        let (registry, place) = (try await FakeRegistry(), try Place())
        let images = [FakeImage([[1]]), FakeImage([[2]])]
        for image in images { image.publish(registry, tag: "x") }
        let platforms = [ImagePlatform(architecture: "s390x"), ImagePlatform(architecture: "amd64")]
        let index = ImageIndex(
            manifests: zip(images, platforms).map {
                Descriptor(
                    mediaType: MediaType.dockerManifest, digest: digest($0.document), size: Int64($0.document.count),
                    platform: $1)
            })
        registry.serve("app/manifests/1", index.json.serialize(), type: MediaType.ociIndex)
        let reference = try registry.reference()
        let pulled = try await place.registries.pull(reference, platform: platforms[1], progress: Self.quiet)
        #expect(pulled.configuration.diffIDs == images[1].layers.map(digest))
        #expect(pulled.digests.map(\.digest) == [digest(index.json.serialize())])
        let other = try Place()
        let error = try await failure(registry, other, platform: ImagePlatform(architecture: "riscv64"))
        #expect(error?.message == "no matching manifest for linux/riscv64 in the manifest list entries")
        for place in [place, other] { await place.registries.close() }
        await registry.close()
    }

    static let refusals: [(Int, String, EngineError.Kind, String)] = [
        (
            401, #"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#, .notFound,
            "pull access denied for"
        ),
        (
            403, #"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#, .notFound,
            "denied: requested access to the resource is denied"
        ),
        (
            404, #"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}"#, .notFound,
            "pull access denied for"
        ),
        (404, #"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#, .notFound, "manifest for"),
        (404, "<html>", .notFound, "manifest for"),
        (418, "{}", .internalError, "unexpected status from the registry: 418"),
        (
            429, #"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#, .unavailable,
            "toomanyrequests: slow down"
        ),
        (503, "", .internalError, "503"),
    ]

    @Test(arguments: refusals) func reports(_ row: (Int, String, EngineError.Kind, String)) async throws {
        let registry = try await FakeRegistry { _, responder, _ in
            try await responder.send(row.0, body: Array(row.1.utf8))
            return true
        }
        let place = try Place()
        let error = try await failure(registry, place)
        #expect(error?.kind == row.2, "\(row.0)")
        #expect(error?.message.contains(row.3) == true, "\(row.0): \(error?.message ?? "")")
        await place.registries.close()
        await registry.close()
    }

    @Test(arguments: [(429, "0.3"), (503, nil), (500, "nan"), (502, "-5"), (504, "Fri, 31 Dec 1999 23:59:59 GMT")])
    func triesAgain(_ status: Int, _ after: String?) async throws {
        let registry = try await FakeRegistry { request, responder, registry in
            guard registry.next(request.rawPath) == 1 else { return false }
            try await responder.send(status, after.map { [("Retry-After", $0)] } ?? [])
            return true
        }
        let place = try Place()
        FakeImage().publish(registry)
        let begun = ContinuousClock.now
        _ = try await place.registries.pull(registry.reference(), progress: Self.quiet)
        if after == "0.3" { #expect(ContinuousClock.now - begun > .milliseconds(300)) }
        await place.registries.close()
        await registry.close()
    }

    /// The connection breaks in the middle of a layer: the next request asks for the rest.
    @Test func continuesAfterABreak() async throws {
        let image = FakeImage([Self.large])
        let path = "/v2/app/blobs/\(image.manifest.layers[0].digest)"
        let registry = try await FakeRegistry { request, responder, registry in
            guard request.rawPath == path, registry.next("blob") == 1 else { return false }
            let bytes = image.layers[0]
            try await responder.send(200, [("Content-Length", "\(bytes.count)")], body: Array(bytes.prefix(1_000_000)))
            responder.abort()
            return true
        }
        let place = try Place()
        image.publish(registry)
        let pulled = try await place.registries.pull(registry.reference(), progress: Self.quiet)
        #expect(pulled.configuration.diffIDs == image.layers.map(digest))
        let ranges = registry.asked.filter { $0.path == path }.map(\.range)
        #expect(ranges.count == 2)
        // As much as arrived is kept; the kernel may drop the rest of what was sent when the connection breaks.
        #expect(ranges.last??.hasPrefix("bytes=") == true)
        #expect(Place.entries(place.folder + "/content/ingest").isEmpty)
        await place.registries.close()
        await registry.close()
    }

    /// A registry that knows no ranges sends all of it again; so does one with the wrong rest get nowhere.
    @Test(arguments: [true, false]) func restartsWithoutRanges(_ isHonest: Bool) async throws {
        let image = FakeImage([Self.large])
        let path = "/v2/app/blobs/\(image.manifest.layers[0].digest)"
        let registry = try await FakeRegistry { request, responder, registry in
            guard request.rawPath == path else { return false }
            let bytes = image.layers[0]
            if registry.next("blob") == 1 {
                try await responder.send(
                    200, [("Content-Length", "\(bytes.count)")], body: Array(bytes.prefix(1_000_000)))
                responder.abort()
            } else if isHonest {
                try await responder.send(200, body: bytes)
            } else {
                let start = request.headers["Range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) } ?? 0
                try await responder.send(206, body: Array(bytes.dropFirst(start + 1)) + [1])
            }
            return true
        }
        let place = try Place()
        image.publish(registry)
        if isHonest {
            _ = try await place.registries.pull(registry.reference(), progress: Self.quiet)
        } else {
            let error = try await failure(registry, place)
            // The wrong rest is no tar either; the one or the other is noticed first.
            #expect(error != nil)
            #expect(place.leftovers.isEmpty)
        }
        await place.registries.close()
        await registry.close()
    }

    /// What an earlier daemon left of a layer is taken up if it is right, and replaced if it is not.
    @Test(arguments: [true, false]) func takesUpWhatIsThere(_ isRight: Bool) async throws {
        let (registry, place) = (try await FakeRegistry(), try Place())
        let image = FakeImage([Self.large])
        image.publish(registry)
        let layer = image.manifest.layers[0]
        do {
            let begun = try place.images.content.begin("pull-\(layer.digest.hex)", resume: false)
            let bytes = isRight ? Array(image.layers[0].prefix(5000)) : [UInt8](repeating: 0x41, count: 5000)
            try bytes.withUnsafeBytes { try begun.write($0) }
        }
        _ = try await place.registries.pull(registry.reference(), progress: Self.quiet)
        let ranges = registry.asked.filter { $0.path.hasSuffix(layer.digest.hex) }.map(\.range)
        #expect(ranges == [isRight ? "bytes=5000-" : nil])
        await place.registries.close()
        await registry.close()
    }

    @Test func cancellationLeavesNothing() async throws {
        let image = FakeImage([Self.large, [2]])
        let path = "/v2/app/blobs/\(image.manifest.layers[0].digest)"
        let registry = try await FakeRegistry { request, responder, registry in
            guard request.rawPath == path else { return false }
            try await responder.stream(200, [])
            try await responder.write(Array(image.layers[0].prefix(1_000_000)))
            _ = registry.next("begun")
            // Until the other side goes away.
            while true {
                try await responder.write([])
                try await Task.sleep(for: .milliseconds(50))
                try await responder.write([0])
            }
        }
        let place = try Place()
        image.publish(registry)
        let (registries, reference) = (place.registries, try registry.reference())
        let pull = Task { try await registries.pull(reference, progress: Self.quiet) }
        while registry.count("begun") == 0 { try await Task.sleep(for: .milliseconds(5)) }
        pull.cancel()
        await #expect(throws: (any Error).self) { _ = try await pull.value }
        #expect(place.leftovers.isEmpty)
        #expect(try place.images.list().isEmpty)
        await place.registries.close()
        await registry.close()
    }
}
