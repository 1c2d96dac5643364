// SPDX-License-Identifier: Apache-2.0
// `/v2/<name>/manifests/<reference>`: fetch, push, delete; by tag and by digest.
import AsyncSystem
import Crypto
import HTTP
import OCI
import Primitives

enum ManifestRoutes {
    private static let tagsPerPush = 100

    static func serve(_ call: RegistryCall, _ repository: RepositoryName, _ text: String) async throws {
        guard let reference = ManifestReference(text) else {
            if text.contains(":") { throw Refusal.digestInvalid("invalid digest: \(text.prefix(200))") }
            // A tag that cannot be is a manifest that is not there.
            throw call.isRead ? Refusal.manifestUnknown(text.prefix(200)) : Refusal(400, .tagInvalid, "invalid tag")
        }
        switch call.request.method {
        case "GET", "HEAD":
            try await call.require([.pull], repository)
            try await fetch(call, repository, reference)
        case "PUT":
            try await call.require([.pull, .push], repository)
            try call.requireWritable()
            try await push(call, repository, reference)
        case "DELETE":
            try await call.require([.delete], repository)
            try call.requireWritable()
            try await delete(call, repository, reference)
        default: throw call.refuseMethod(allowing: "GET, HEAD, PUT, DELETE")
        }
    }

    private static func fetch(
        _ call: RegistryCall, _ repository: RepositoryName, _ reference: ManifestReference
    ) async throws {
        let store = call.store
        var stale = false
        if let upstream = call.context.upstream { stale = try await upstream.refresh(repository, reference) }
        let found = try await Blocking.run { () -> (Primitives.Digest, [UInt8])? in
            guard let digest = try store.digest(repository, reference) else { return nil }
            return try store.manifest(repository, digest).map { (digest, $0) }
        }
        guard let (digest, bytes) = found else {
            if try await !Blocking.run({ try store.exists(repository) }) {
                throw Refusal(404, .nameUnknown, "repository name not known to registry: \(repository)")
            }
            throw Refusal.manifestUnknown(reference.text)
        }
        var headers = [("Docker-Content-Digest", digest.description), ("ETag", "\"\(digest)\"")]
        if stale { headers.append(("Warning", "110 - \"the registry behind this cache does not answer\"")) }
        if EntityTag.matches(call.request, digest) { return try await call.responder.send(304, headers) }
        let document = try ManifestDocument(parsing: bytes, contentType: nil)
        try await call.responder.send(
            200, headers + [("Content-Type", document.mediaType), ("Content-Length", String(bytes.count))], body: bytes)
    }

    private static func push(
        _ call: RegistryCall, _ repository: RepositoryName, _ reference: ManifestReference
    ) async throws {
        let bytes: [UInt8]
        do {
            bytes = try await call.request.collectBody(limit: ManifestDocument.sizeLimit)
        } catch let error as EngineError where error.kind == .payloadTooLarge {
            throw Refusal(413, .manifestInvalid, "manifest larger than \(ManifestDocument.sizeLimit) bytes")
        }
        let document = try ManifestDocument(parsing: bytes, contentType: call.request.headers["Content-Type"])
        let digest: Primitives.Digest
        var tags = call.request.queryAll("tag")
        guard tags.count <= tagsPerPush else { throw Refusal(414, .tagInvalid, "too many tags") }
        guard tags.allSatisfy(ImageReference.isTag) else { throw Refusal(400, .tagInvalid, "invalid tag") }
        switch reference {
        case .digest(let said):
            digest = said
        case .tag(let tag):
            guard tags.isEmpty else { throw Refusal(400, .tagInvalid, "tag parameters go with a digest") }
            tags = [tag]
            // Who wants another algorithm than the usual one says so.
            digest =
                try call.request.query("digest").map { try Primitives.Digest(parsing: $0) }
                ?? Primitives.Digest(sha256: SHA256.hash(data: bytes))
        }
        let store = call.store
        let named = tags
        try await Blocking.run {
            guard RunningDigest.matches(bytes, digest) else {
                throw Refusal.digestInvalid("provided digest did not match the manifest")
            }
            try store.addManifest(repository, digest, document, bytes: bytes, tags: named)
        }
        var headers = [
            ("Location", "/v2/\(repository)/manifests/\(digest)"), ("Docker-Content-Digest", digest.description),
        ]
        if let subject = document.subject { headers.append(("OCI-Subject", subject.description)) }
        if case .digest = reference, !tags.isEmpty { headers.append(("OCI-Tag", tags.joined(separator: ", "))) }
        try await call.responder.send(201, headers)
    }

    private static func delete(
        _ call: RegistryCall, _ repository: RepositoryName, _ reference: ManifestReference
    ) async throws {
        let store = call.store
        let isRemoved = try await Blocking.run {
            switch reference {
            case .tag(let tag): try store.removeTag(repository, tag)
            case .digest(let digest): try store.removeManifest(repository, digest)
            }
        }
        guard isRemoved else { throw Refusal.manifestUnknown(reference.text) }
        try await call.responder.send(202)
    }
}

extension ManifestReference {
    var text: String {
        switch self {
        case .tag(let tag): tag
        case .digest(let digest): digest.description
        }
    }
}
