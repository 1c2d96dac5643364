// SPDX-License-Identifier: Apache-2.0
// `/v2/<name>/blobs/uploads/`: blobs come in whole, in pieces, as a stream, or from another repository.
import AsyncSystem
import HTTP
import Primitives

enum UploadRoutes {
    /// POST: a new session, a whole blob (`?digest=`), or a blob that is here already (`?mount=`).
    static func start(_ call: RegistryCall, _ repository: RepositoryName) async throws {
        guard call.request.method == "POST" else { throw call.refuseMethod(allowing: "POST") }
        try await call.require([.pull, .push], repository)
        try call.requireWritable()
        if let text = call.request.query("mount") {
            guard let digest = try? Digest(parsing: text) else {
                throw Refusal.digestInvalid("invalid digest to mount")
            }
            if try await mount(call, repository, digest) { return try await created(call, repository, digest) }
        }
        let digest = try call.request.query("digest").map(parse)
        let algorithm = digest?.algorithm ?? call.request.query("digest-algorithm") ?? "sha256"
        guard RegistryStore.algorithms.contains(algorithm) else {
            throw Refusal.digestInvalid("unsupported digest algorithm: \(algorithm.prefix(40))")
        }
        let uploads = call.context.uploads
        let identifier = try await uploads.start(repository, algorithm: algorithm)
        guard let digest else {
            return try await call.responder.send(202, headers(repository, identifier, size: 0))
        }
        do {
            try await uploads.withSession(identifier, repository) { session in
                try await uploads.append(session, counted(call))
                try await uploads.finish(session, repository, digest)
            }
        } catch {
            // Nobody knows its identifier: nobody can go on with it. It may be gone already; the first error counts.
            try? await uploads.withSession(identifier, repository) { try await uploads.cancel($0) }
            throw error
        }
        try await created(call, repository, digest)
    }

    private static func mount(_ call: RegistryCall, _ repository: RepositoryName, _ digest: Digest) async throws -> Bool
    {
        let store = call.store
        var source: RepositoryName?
        let access = call.context.access
        if let name = call.request.query("from"), !name.isEmpty {
            guard let from = RepositoryName(name) else { return false }
            source = await access.visible([from], to: call.caller).first
        } else {
            let rights = await access.current()
            let (isEnabled, user) = (access.isEnabled, call.caller.user)
            source = try await Blocking.run {
                try store.holder(of: digest) { !isEnabled || rights.actions(of: user, in: $0).contains(.pull) }
            }
        }
        guard let source else { return false }
        return try await Blocking.run { try store.mountBlob(repository, digest, from: source) }
    }

    /// What is done with a session: status, pieces, the end, or none.
    static func session(_ call: RegistryCall, _ repository: RepositoryName, _ identifier: String) async throws {
        let uploads = call.context.uploads
        try await call.require([.pull, .push], repository)
        try call.requireWritable()
        switch call.request.method {
        case "GET", "HEAD":
            guard let size = try await uploads.size(identifier, repository) else { throw Refusal.uploadUnknown() }
            try await call.responder.send(204, headers(repository, identifier, size: size))
        case "PATCH":
            let size = try await uploads.withSession(identifier, repository) { session in
                let length = try chunkLength(call, session, repository)
                try await uploads.append(session, counted(call), atMost: length)
                return session.size
            }
            try await call.responder.send(202, headers(repository, identifier, size: size))
        case "PUT":
            guard let text = call.request.query("digest") else {
                throw Refusal.digestInvalid("digest parameter missing")
            }
            let digest = try parse(text)
            try await uploads.withSession(identifier, repository) { session in
                let length = try chunkLength(call, session, repository)
                try await uploads.append(session, counted(call), atMost: length)
                try await uploads.finish(session, repository, digest)
            }
            try await created(call, repository, digest)
        case "DELETE":
            try await uploads.withSession(identifier, repository) { try await uploads.cancel($0) }
            try await call.responder.send(204)
        default: throw call.refuseMethod(allowing: "GET, HEAD, PATCH, PUT, DELETE")
        }
    }

    private static func counted(_ call: RegistryCall) -> @Sendable () async throws -> [UInt8]? {
        let (body, metrics) = (call.request.body, call.context.metrics)
        return {
            let bytes = try await body()
            metrics.countReceived(bytes?.count ?? 0)
            return bytes
        }
    }

    private static func parse(_ text: String) throws -> Digest {
        guard let digest = try? Digest(parsing: text) else {
            throw Refusal.digestInvalid("provided digest is invalid: \(text.prefix(200))")
        }
        return digest
    }

    /// The length of a chunk that says where it belongs; one that does not belong where the session stands is refused.
    private static func chunkLength(
        _ call: RegistryCall, _ session: Uploads.Session, _ repository: RepositoryName
    ) throws -> Int64? {
        guard let header = call.request.headers["Content-Range"] else { return nil }
        var text = header[...]
        for prefix in ["bytes ", "bytes="] where text.hasPrefix(prefix) { text = text.dropFirst(prefix.count) }
        let parts = text.prefix { $0 != "/" }.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = number(parts[0]), let last = number(parts[1]),
            last >= first - 1, last < Int64.max
        else { throw Refusal(400, .blobUploadInvalid, "invalid Content-Range: \(header.prefix(80))") }
        let length = last - first + 1
        guard first == session.size else {
            throw Refusal(
                416, .blobUploadInvalid, "the chunk starts at \(first), the upload is at \(session.size)",
                headers: headers(repository, session.identifier, size: session.size))
        }
        if let said = call.request.headers["Content-Length"].flatMap({ Int64($0) }), said != length {
            throw Refusal(400, .sizeInvalid, "Content-Range and Content-Length differ")
        }
        return length
    }

    /// Digits alone: `Int64` would take signs.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }

    private static func headers(
        _ repository: RepositoryName, _ identifier: String, size: Int64
    ) -> [(String, String)] {
        [
            ("Location", "/v2/\(repository)/blobs/uploads/\(identifier)"), ("Range", "0-\(max(0, size - 1))"),
            ("Docker-Upload-UUID", identifier),
        ]
    }

    private static func created(_ call: RegistryCall, _ repository: RepositoryName, _ digest: Digest) async throws {
        try await call.responder.send(
            201, [("Location", "/v2/\(repository)/blobs/\(digest)"), ("Docker-Content-Digest", digest.description)])
    }
}
