// SPDX-License-Identifier: Apache-2.0
// Layers laid out on disk, and the writable ones of containers on top.
import Archive
import AsyncSystem
import CLinux
import Glibc
import Linux
package import Primitives
package import SQLite
import Synchronization

import struct Crypto.SHA256

/// The folders a container's root is made of, for an overlay mount.
package struct RootFilesystem: Sendable, Equatable {
    /// Read-only trees, topmost first.
    package var layers: [String]
    package var upper: String
    package var work: String
}

/// The folder `snapshots/`: `<name>/fs` for each layer of an image, named by its ChainID (image-spec, config.md), and
/// `<container id>/{fs,work}` for each container.
///
/// A layer's tree appears by rename when it is complete; it is unpacked once, whatever image brings it.
package final class LayerStore: Sendable {
    private let folder: String
    private let database: Database
    /// Chains that a pull or load is about to use; the collector leaves them alone.
    private let held = Mutex<[String: Int]>([:])

    package init(folder: String, database: Database) throws {
        self.folder = folder
        self.database = database
        try Folder.make(folder)
        try database.migrate(
            component: "layers",
            steps: [
                """
                CREATE TABLE layer (chain TEXT PRIMARY KEY, diff TEXT NOT NULL, parent TEXT, size INTEGER NOT NULL);
                CREATE TABLE snapshot (key TEXT PRIMARY KEY, chain TEXT)
                """
            ])
    }

    /// The ChainIDs of a list of DiffIDs, lowest first.
    package static func chains(_ diffIDs: [Digest]) -> [Digest] {
        var chains: [Digest] = []
        for diff in diffIDs {
            guard let last = chains.last else {
                chains.append(diff)
                continue
            }
            chains.append(Digest(sha256: SHA256.hash(data: Array("\(last) \(diff)".utf8))))
        }
        return chains
    }

    /// Whether the layer is unpacked.
    package func contains(_ chain: Digest) -> Bool { access(tree(chain), F_OK) == 0 && size(chain) != nil }

    /// Plain bytes of a layer's files; nil when it is not unpacked.
    package func size(_ chain: Digest) -> Int64? {
        // A failed read is told apart from "not there" by whoever needs the layer itself.
        (try? database.read("SELECT size FROM layer WHERE chain = ?", .text(chain.description)) { $0.integer(0) })?
            .first
    }

    private func tree(_ chain: Digest) -> String { "\(folder)/\(chain.hex)/fs" }

    /// Starts to unpack one layer into a folder of its own; `LayerUnpacker.commit` publishes it.
    package func unpacker() throws -> LayerUnpacker {
        try LayerUnpacker(folder: "\(folder)/new-\(Identifier.random().prefix(16))")
    }

    /// Publishes an unpacked layer under its chain. `chains` are all chains of the image up to and with this one.
    package func commit(_ unpacker: LayerUnpacker, diffID: Digest, chains: [Digest]) throws {
        let actual = try unpacker.finish()
        guard actual == diffID else {
            unpacker.abandon()
            throw EngineError.invalidArgument(
                "layer verification failed: DiffID is \(actual), the image says \(diffID)")
        }
        try publish(unpacker, diffID: diffID, chains: chains)
    }

    private func publish(_ unpacker: LayerUnpacker, diffID: Digest, chains: [Digest]) throws {
        guard let chain = chains.last else { return }
        // overlayfs takes no more (OVL_MAX_STACK): such an image could never be run.
        guard chains.count <= 500 else { throw EngineError.invalidArgument("max depth exceeded") }
        if contains(chain) { return unpacker.abandon() }
        try unpacker.completeFromBelow(chains.dropLast().reversed().map(tree))
        // One at a time: whoever comes second to a layer must not move the tree that is in use away.
        let isMine = try held.withLock { _ in
            if contains(chain) { return false }
            let place = "\(folder)/\(chain.hex)"
            Folder.removeTree(place)
            try check("rename") { rename(unpacker.folder, place) }
            unpacker.published()
            try database.execute(
                "INSERT OR REPLACE INTO layer (chain, diff, parent, size) VALUES (?, ?, ?, ?)",
                .text(chain.description),
                .text(diffID.description), chains.dropLast().last.map { .text($0.description) } ?? .null,
                .integer(unpacker.contentSize))
            return true
        }
        if !isMine { unpacker.abandon() }
    }

    /// Publishes the lowest layer of a new image, whatever its DiffID turns out to be; `known` hears it before it is visible.
    package func commit(_ unpacker: LayerUnpacker, known: (Digest) -> Void) throws -> Digest {
        let diff = try unpacker.finish()
        known(diff)
        try publish(unpacker, diffID: diff, chains: [diff])
        return diff
    }

    /// Keeps chains from being collected until `release`.
    package func hold(_ chains: [Digest]) {
        held.withLock { held in for chain in chains { held[chain.hex, default: 0] += 1 } }
    }

    package func release(_ chains: [Digest]) {
        held.withLock { held in
            for chain in chains {
                let count = (held[chain.hex] ?? 1) - 1
                held[chain.hex] = count > 0 ? count : nil
            }
        }
    }

    // MARK: writable layers

    /// Makes the writable layer `key` above an image's layers.
    package func prepare(_ key: String, above diffIDs: [Digest]) throws {
        let chains = Self.chains(diffIDs)
        hold(chains)
        defer { release(chains) }
        for chain in chains where !contains(chain) {
            throw EngineError.internalError("layer \(chain.short) is not unpacked")
        }
        let place = "\(folder)/\(key)"
        // What is there already is another container's: it is neither used nor, on failure, removed.
        if mkdir(place, 0o700) != 0 {
            throw errno == EEXIST
                ? EngineError.conflict("a writable layer \(key) exists already") : Errno(call: "mkdir", code: errno)
        }
        do {
            // The root's owner and mode come from the topmost layer: overlayfs shows those of the upper folder.
            try Folder.make(place + "/fs", mode: 0o755)
            try Folder.make(place + "/work")
            if let top = chains.last { try copyDescription(from: tree(top), to: place + "/fs") }
            try database.execute(
                "INSERT INTO snapshot (key, chain) VALUES (?, ?)", .text(key),
                .text(chains.map(\.description).joined(separator: " ")))
        } catch {
            Folder.removeTree(place)
            throw error
        }
    }

    /// The folders of a writable layer and everything below it.
    package func rootFilesystem(_ key: String) throws -> RootFilesystem {
        let found = try database.read("SELECT chain FROM snapshot WHERE key = ?", .text(key)) { $0.text(0) }
        guard let list = found.first else { throw EngineError.notFound("no snapshot \(key)") }
        let chains = try list.split(separator: " ").map { try Digest(parsing: String($0)) }
        return RootFilesystem(
            layers: chains.reversed().map(tree), upper: "\(folder)/\(key)/fs", work: "\(folder)/\(key)/work")
    }

    package func remove(_ key: String) throws {
        try database.execute("DELETE FROM snapshot WHERE key = ?", .text(key))
        Folder.removeTree("\(folder)/\(key)")
    }

    /// Bytes in the writable layer.
    package func usage(_ key: String) -> Int64 { Folder.usage("\(folder)/\(key)/fs") }

    /// Keys of all writable layers.
    package func keys() throws -> [String] { try database.read("SELECT key FROM snapshot") { $0.text(0) } }

    // MARK: collection

    /// Removes every layer that is neither in `used` nor held nor below a writable layer; gives the bytes freed.
    @discardableResult
    package func collect(keeping used: Set<Digest>) throws -> Int64 {
        var freed: Int64 = 0
        // Decided and renamed away while nobody can begin to use a layer; the removal itself may take its time.
        let gone = try held.withLock { held in
            var keep = Set(used.map(\.hex))
            keep.formUnion(held.keys)
            for list in try database.read("SELECT chain FROM snapshot", each: { $0.text(0) }) {
                for chain in list.split(separator: " ") { keep.insert(String(chain.drop { $0 != ":" }.dropFirst())) }
            }
            var gone: [String] = []
            for (chain, size) in try database.read(
                "SELECT chain, size FROM layer", each: { ($0.text(0), $0.integer(1)) })
            {
                let hex = String(chain.drop { $0 != ":" }.dropFirst())
                if keep.contains(hex) { continue }
                try database.execute("DELETE FROM layer WHERE chain = ?", .text(chain))
                let place = "\(folder)/gone-\(Identifier.random().prefix(16))"
                if rename("\(folder)/\(hex)", place) == 0 { gone.append(place) }
                freed += size
            }
            return gone
        }
        for place in gone { Folder.removeTree(place) }
        return freed
    }

    /// Removes folders that no row speaks of: what a killed daemon was in the middle of. Call it before anything is started.
    package func removeOrphans() throws {
        var known = Set(try keys())
        for chain in try database.read("SELECT chain FROM layer", each: { $0.text(0) }) {
            known.insert(String(chain.drop { $0 != ":" }.dropFirst()))
        }
        for name in Folder.entries(folder) where !known.contains(name) { Folder.removeTree("\(folder)/\(name)") }
    }

    private func copyDescription(from source: String, to target: String) throws {
        var status = stat()
        try check("stat") { stat(source, &status) }
        try check("chown") { chown(target, status.st_uid, status.st_gid) }
        try check("chmod") { chmod(target, status.st_mode & 0o7777) }
    }
}
