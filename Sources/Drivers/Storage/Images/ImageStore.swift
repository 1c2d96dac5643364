// SPDX-License-Identifier: Apache-2.0
// Images and their names: rows in the database, documents in the content store.
import Logging
package import OCI
package import Primitives
package import SQLite
import Synchronization

/// An image as it is stored. Its id is the digest of its configuration.
package struct StoredImage: Sendable {
    package let id: Digest
    /// The manifest it was pulled, loaded or made with.
    package let manifestDigest: Digest
    package let manifest: Manifest
    package let configuration: ImageConfiguration
    /// `name:tag` in full form.
    package var tags: [ImageReference]
    /// `name@digest` in full form.
    package var digests: [ImageReference]
    /// Plain bytes of all layers.
    package let size: Int64
    package let addedAt: Timestamp
}

/// The daemon's images. Changes of names are single transactions.
package final class ImageStore: Sendable {
    package let content: ContentStore
    package let layers: LayerStore
    let database: Database
    private let cache = Mutex<[Digest: (manifest: Manifest, configuration: ImageConfiguration)]>([:])

    package init(content: ContentStore, layers: LayerStore, database: Database) throws {
        self.content = content
        self.layers = layers
        self.database = database
        try database.migrate(
            component: "images",
            steps: [
                """
                CREATE TABLE image (id TEXT PRIMARY KEY, manifest TEXT NOT NULL, size INTEGER NOT NULL, added INTEGER NOT NULL);
                CREATE TABLE reference (name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE);
                CREATE INDEX reference_image ON reference(image);
                CREATE TABLE flag (name TEXT PRIMARY KEY)
                """
            ])
        // What a killed pull or load had finished in part. An image that cannot be read keeps all that may be its own.
        _ = try? collect(blobsOlderThan: Self.resumableAge)
    }

    /// Whole layers of a pull that was killed are used by its next try within a day.
    private static let resumableAge: Int64 = 24 * 3600

    /// Adds an image whose blobs and layers are in place, or finds it; then gives it the names.
    @discardableResult
    package func add(manifest: Digest, names: [ImageReference]) throws -> StoredImage {
        let document = try Manifest(parsing: content.read(manifest))
        let configuration = try ImageConfiguration(parsing: content.read(document.config.digest))
        let size = LayerStore.chains(configuration.diffIDs).reduce(Int64(0)) { $0 + (layers.size($1) ?? 0) }
        try database.transaction { transaction in
            try transaction.run(
                "INSERT OR IGNORE INTO image (id, manifest, size, added) VALUES (?, ?, ?, ?)",
                .text(document.config.digest.description), .text(manifest.description), .integer(size),
                .integer(Timestamp.now().unixNanoseconds))
            for name in names {
                try transaction.run(
                    "INSERT INTO reference (name, image) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image",
                    .text(name.description), .text(document.config.digest.description))
            }
        }
        return try get(document.config.digest)
    }

    /// The image with this id.
    package func get(_ id: Digest) throws -> StoredImage {
        guard let image = try find(id) else { throw Self.missing(id.description) }
        return image
    }

    private func find(_ id: Digest) throws -> StoredImage? {
        let rows = try database.read("SELECT manifest, size, added FROM image WHERE id = ?", .text(id.description)) {
            ($0.text(0), $0.integer(1), $0.integer(2))
        }
        guard let row = rows.first else { return nil }
        let names = try database.read("SELECT name FROM reference WHERE image = ? ORDER BY name", .text(id.description))
        { $0.text(0) }
        return try make(id, row, names)
    }

    private func make(_ id: Digest, _ row: (String, Int64, Int64), _ names: [String]) throws -> StoredImage {
        let manifestDigest = try Digest(parsing: row.0)
        let documents = try documents(id, manifestDigest)
        var tags: [ImageReference] = []
        var digests: [ImageReference] = []
        for name in names {
            let reference = try ImageReference(parsing: name)
            if reference.digest == nil { tags.append(reference) } else { digests.append(reference) }
        }
        return StoredImage(
            id: id, manifestDigest: manifestDigest, manifest: documents.manifest,
            configuration: documents.configuration,
            tags: tags, digests: digests, size: row.1, addedAt: Timestamp(unixNanoseconds: row.2))
    }

    private func documents(_ id: Digest, _ manifest: Digest) throws -> (
        manifest: Manifest, configuration: ImageConfiguration
    ) {
        if let known = cache.withLock({ $0[id] }) { return known }
        let document = try Manifest(parsing: content.read(manifest))
        let configuration = try ImageConfiguration(parsing: content.read(document.config.digest))
        cache.withLock { cache in
            if cache.count > 256 { cache.removeAll() }
            cache[id] = (document, configuration)
        }
        return (document, configuration)
    }

    /// All images, newest first.
    package func list() throws -> [StoredImage] {
        var names: [String: [String]] = [:]
        for (name, image) in try database.read(
            "SELECT name, image FROM reference ORDER BY name", each: { ($0.text(0), $0.text(1)) })
        {
            names[image, default: []].append(name)
        }
        let rows = try database.read("SELECT id, manifest, size, added FROM image ORDER BY added DESC") {
            ($0.text(0), $0.text(1), $0.integer(2), $0.integer(3))
        }
        return rows.compactMap { row in
            do {
                return try make(try Digest(parsing: row.0), (row.1, row.2, row.3), names[row.0] ?? [])
            } catch {
                // One damaged image must not hide the others. It stays, and so does what it refers to.
                Self.logger.error("an image cannot be read", metadata: ["image": "\(row.0)", "error": "\(error)"])
                return nil
            }
        }
    }

    private static let logger = Logger(label: "storage")

    /// Finds an image by name, `name:tag`, `name@digest`, id or id prefix, in Docker's order.
    package func resolve(_ text: String) throws -> StoredImage {
        if let digest = try? Digest(parsing: text), let image = try find(digest) { return image }
        let bare = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        if bare.utf8.count == 64, let id = try? Digest(parsing: "sha256:" + bare), let image = try find(id) {
            return image
        }
        if let reference = try? ImageReference(parsing: text), let image = try image(named: reference.tagged) {
            return image
        }
        if !bare.isEmpty, bare.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
            let found = try database.read("SELECT id FROM image WHERE id GLOB ? LIMIT 2", .text("sha256:\(bare)*")) {
                $0.text(0)
            }
            if found.count > 1 { throw EngineError.invalidArgument("ambiguous reference: \(text)") }
            if let id = found.first { return try get(try Digest(parsing: id)) }
        }
        if !text.hasPrefix("sha256:") { _ = try ImageReference(parsing: text) }
        throw Self.missing(text)
    }

    /// The image a full name stands for.
    package func image(named reference: ImageReference) throws -> StoredImage? {
        if let digest = reference.digest {
            let exact = ImageReference(domain: reference.domain, path: reference.path, digest: digest)
            return try lookUp(exact)
        }
        return try lookUp(reference)
    }

    private func lookUp(_ reference: ImageReference) throws -> StoredImage? {
        let found = try database.read("SELECT image FROM reference WHERE name = ?", .text(reference.description)) {
            $0.text(0)
        }
        return try found.first.flatMap { try find(try Digest(parsing: $0)) }
    }

    package func tag(_ id: Digest, as reference: ImageReference) throws {
        try database.execute(
            "INSERT INTO reference (name, image) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image",
            .text(reference.description), .text(id.description))
    }

    /// Takes a name away; false when it was not there.
    @discardableResult
    package func untag(_ reference: ImageReference) throws -> Bool {
        try database.transaction { transaction in
            let there = try transaction.read("SELECT 1 FROM reference WHERE name = ?", .text(reference.description)) {
                _ in true
            }
            try transaction.run("DELETE FROM reference WHERE name = ?", .text(reference.description))
            return !there.isEmpty
        }
    }

    /// Forgets an image and its names, then collects what only it used. Gives the chains of its layers that went away,
    /// topmost first, and the bytes freed.
    package func delete(_ id: Digest) throws -> (layers: [Digest], freed: Int64) {
        let image = try get(id)
        let chains = LayerStore.chains(image.configuration.diffIDs)
        try database.execute("DELETE FROM image WHERE id = ?", .text(id.description))
        cache.withLock { $0[id] = nil }
        let freed = try collect()
        return (chains.reversed().filter { !layers.contains($0) }, freed)
    }

    /// Removes layers and blobs that no image, container or running transfer needs. Nothing goes while an image is damaged.
    @discardableResult
    package func collect(blobsOlderThan age: Int64 = 0) throws -> Int64 {
        // With the table of leases in hand: a transfer ends its lease after its image is in the database, so that it is
        // seen in one of them.
        try leased.withLock { leased in
            var chains: Set<Digest> = []
            var blobs = Set(leased.keys)
            for (id, manifest) in try database.read(
                "SELECT id, manifest FROM image", each: { ($0.text(0), $0.text(1)) })
            {
                let (id, manifest) = (try Digest(parsing: id), try Digest(parsing: manifest))
                let documents = try documents(id, manifest)
                chains.formUnion(LayerStore.chains(documents.configuration.diffIDs))
                blobs.formUnion([id, manifest] + documents.manifest.layers.map(\.digest))
            }
            let freed = try layers.collect(keeping: chains)
            for blob in content.list() where !blobs.contains(blob) && content.age(blob) >= age { content.remove(blob) }
            return freed
        }
    }

    // MARK: leases

    private let leased = Mutex<[Digest: Int]>([:])

    /// Runs `body` while the blobs it names through the lease, and the chains, are safe from the collector.
    /// After a failure nothing of the transfer stays, unless `keeps` says that a next try will continue it.
    package func withLease<T>(
        keeps: (any Error) -> Bool = { _ in false }, _ body: (ImageLease) async throws -> T
    ) async throws -> T {
        let lease = ImageLease(store: self)
        do {
            let result = try await body(lease)
            lease.end()
            return result
        } catch {
            lease.end()
            // The transfer's own failure is what the caller must hear of; the next collection does what this one could not.
            if !keeps(error) { _ = try? collect() }
            throw error
        }
    }

    fileprivate func hold(_ blob: Digest) { leased.withLock { $0[blob, default: 0] += 1 } }

    fileprivate func release(_ blobs: [Digest]) {
        leased.withLock { leased in
            for blob in blobs {
                let count = (leased[blob] ?? 1) - 1
                leased[blob] = count > 0 ? count : nil
            }
        }
    }

    // MARK: flags

    /// Remembers that something was done once and for all; true the first time.
    package func raise(_ flag: String) throws -> Bool {
        try database.transaction { transaction in
            if try !transaction.read("SELECT 1 FROM flag WHERE name = ?", .text(flag), each: { _ in true }).isEmpty {
                return false
            }
            try transaction.run("INSERT INTO flag (name) VALUES (?)", .text(flag))
            return true
        }
    }

    package static func missing(_ name: String) -> EngineError { .notFound("No such image: \(name)") }
}

/// What a running pull, load or build needs to stay.
package final class ImageLease: Sendable {
    private let store: ImageStore
    private let held = Mutex<(blobs: [Digest], chains: [Digest])>(([], []))

    fileprivate init(store: ImageStore) { self.store = store }

    package func keep(blob: Digest) {
        store.hold(blob)
        held.withLock { $0.blobs.append(blob) }
    }

    package func keep(chains: [Digest]) {
        store.layers.hold(chains)
        held.withLock { $0.chains += chains }
    }

    fileprivate func end() {
        let (blobs, chains) = held.withLock { held in
            defer { held = ([], []) }
            return held
        }
        store.release(blobs)
        store.layers.release(chains)
    }
}
