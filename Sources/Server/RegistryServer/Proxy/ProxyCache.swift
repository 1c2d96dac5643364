// SPDX-License-Identifier: Apache-2.0
// A copy of another registry that fills itself: asked first, kept, verified, and served when the other is down.
import AsyncSystem
import Distribution
import Glibc
import HTTP
import JSON
import Linux
import Logging
import Primitives

/// Pull-through. Tags are looked up behind every time; content that was fetched once is never fetched again.
final class ProxyCache: Sendable {
    private let upstream: UpstreamRegistry
    private let store: RegistryStore
    private let logger: Logger
    private let flights = OneAtATime()

    init(upstream: UpstreamRegistry, store: RegistryStore, logger: Logger) {
        self.upstream = upstream
        self.store = store
        self.logger = logger
    }

    /// Makes sure that a manifest is here as it is behind. True when the registry behind did not answer and what is here is
    /// perhaps out of date.
    func refresh(_ repository: RepositoryName, _ reference: ManifestReference) async throws -> Bool {
        let store = store
        let key = "\(repository)@\(reference.text)"
        try await flights.enter(key)
        defer { flights.leave(key) }
        let here = try await Blocking.run { () -> Digest? in
            guard let digest = try store.digest(repository, reference) else { return nil }
            return try store.folder.find(repository.manifest(digest)) == nil ? nil : digest
        }
        if case .digest = reference, here != nil { return false }
        do {
            // What is here already need not come again.
            if let here, case .tag(let tag) = reference, try await upstream.digest(repository.text, tag) == here {
                return false
            }
            try await fetch(repository, reference)
            return false
        } catch let error as UpstreamError {
            switch error {
            case .notFound:
                // Gone there is gone here: the tag, not the content that others may use.
                if here != nil, case .tag(let tag) = reference {
                    _ = try await Blocking.run { try store.removeTag(repository, tag) }
                }
                return false
            case .unavailable(let why):
                guard here != nil else { throw Refusal(502, .unavailable, "the registry behind this cache: \(why)") }
                logger.warning("serving an old copy", metadata: ["manifest": "\(key)", "error": "\(why)"])
                return true
            case .refused(let why): throw Refusal(502, .denied, "the registry behind this cache: \(why)")
            }
        }
    }

    private func fetch(_ repository: RepositoryName, _ reference: ManifestReference) async throws {
        let (bytes, type) = try await upstream.manifest(
            repository.text, reference.text, limit: ManifestDocument.sizeLimit)
        let store = store
        try await Blocking.run {
            let document = try ManifestDocument(parsing: bytes, contentType: type)
            let digest: Digest
            var tags: [String] = []
            switch reference {
            case .digest(let wanted): digest = wanted
            case .tag(let tag):
                digest = UpstreamRegistry.sha256(bytes)
                tags = [tag]
            }
            guard RunningDigest.matches(bytes, digest) else {
                throw Refusal(
                    502, .digestInvalid, "the registry behind this cache sent another manifest than \(digest)")
            }
            try store.addManifest(repository, digest, document, bytes: bytes, tags: tags, isPartial: true)
        }
    }

    /// Fetches a blob, sending it to the client while it comes. What is returned is to be sent by the caller instead.
    /// One request fetches; the others wait and find it here. The last piece goes out only when the digest is right.
    func blob(
        _ call: RegistryCall, _ repository: RepositoryName, _ digest: Digest, headers: [(String, String)]
    ) async throws -> RegistryStore.OpenBlob? {
        let store = store
        let key = digest.description
        try await flights.enter(key)
        defer { flights.leave(key) }
        if let blob = try await Blocking.run({ try store.openBlob(repository, digest) }) { return blob }
        do {
            if call.request.method == "HEAD" {
                // Known there; not fetched for this.
                let size = try await upstream.blobSize(repository.text, digest)
                try await call.responder.stream(200, headers, length: size)
                return nil
            }
            return try await take(call, repository, digest, try await upstream.blob(repository.text, digest), headers)
        } catch let error as UpstreamError {
            switch error {
            case .notFound: throw Refusal.blobUnknown(digest)
            case .unavailable(let why), .refused(let why):
                throw Refusal(502, .unavailable, "the registry behind this cache: \(why)")
            }
        }
    }

    private func take(
        _ call: RegistryCall, _ repository: RepositoryName, _ digest: Digest, _ stream: UpstreamRegistry.BlobStream,
        _ headers: [(String, String)]
    ) async throws -> RegistryStore.OpenBlob? {
        let store = store
        // A part of a blob, or one of unknown length, is served from the copy when that is whole.
        let length = stream.length
        let isDirect =
            length != nil && call.request.headers["Range"] == nil
            && !EntityTag.matches(call.request, digest)
        if isDirect, let length { try await call.responder.stream(200, headers, length: length) }
        let copy = try await Blocking.run { try Copy(store, digest) }
        do {
            var held: [UInt8] = []
            var received: Int64 = 0
            try await stream.forEach { bytes in
                received += Int64(bytes.count)
                if let length, received > length { throw UpstreamError.unavailable("more bytes than it said") }
                if isDirect, !held.isEmpty { try await call.responder.write(held) }
                held = bytes
                try await Blocking.run { try copy.append(bytes) }
            }
            if let length, received != length { throw UpstreamError.unavailable("fewer bytes than it said") }
            let blob = try await Blocking.run { () -> RegistryStore.OpenBlob? in
                guard try copy.finish(repository) else { return nil }
                return try store.openBlob(repository, digest)
            }
            guard let blob else {
                throw Refusal(502, .digestInvalid, "the registry behind this cache sent other content than \(digest)")
            }
            guard isDirect else { return blob }
            try await call.responder.write(held)
            return nil
        } catch {
            // The error that is reported is the first one.
            try? await Blocking.run { copy.abandon() }
            throw error
        }
    }

    /// The tags there, or those here when it does not answer.
    func tags(_ call: RegistryCall, _ repository: RepositoryName) async throws {
        var names: [String]
        var headers: [(String, String)] = []
        do {
            names = try await upstream.tags(repository.text)
        } catch let error as UpstreamError {
            let store = store
            names = try await Blocking.run { try store.tags(repository) }
            if case .unavailable = error, !names.isEmpty {
                headers.append(("Warning", "110 - \"the registry behind this cache does not answer\""))
            } else {
                throw Refusal(404, .nameUnknown, "repository name not known to registry: \(repository)")
            }
        }
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let page = try call.page(names, path: "/v2/\(repository)/tags/list") { $0 }
        let json: JSONValue = ["name": .string(repository.text), "tags": .array(page.items.map { .string($0) })]
        try await ListRoutes.send(call, json, page.headers + headers)
    }

    func close() async { await upstream.close() }

    /// A blob on its way to disk.
    private final class Copy: Sendable {
        private let store: RegistryStore
        private let digest: Digest
        private let path: String
        private let file: OwnedFD
        private let running: Running

        init(_ store: RegistryStore, _ digest: Digest) throws {
            self.store = store
            self.digest = digest
            path = "tmp/" + StoreFolder.randomName()
            file = try store.folder.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            running = Running(digest.algorithm)
        }

        func append(_ bytes: [UInt8]) throws {
            try StoreFolder.append(bytes, to: file.raw)
            running.update(bytes)
        }

        func finish(_ repository: RepositoryName) throws -> Bool {
            guard running.matches(digest) else { return false }
            let fd = file.raw
            try check("fdatasync") { fdatasync(fd) }
            try store.addBlob(repository, digest, file: path)
            return true
        }

        /// The collector takes what cannot be removed now.
        func abandon() { _ = try? store.folder.remove(path) }
    }
}
