// SPDX-License-Identifier: Apache-2.0
// Taking away what nobody needs, while everybody goes on pushing and pulling.
import Glibc
import Linux
import OCI
import Primitives

/// Content is unused when no repository links it. In a repository a blob is unused when no manifest there refers to it and
/// nobody has pushed, mounted, looked up or fetched it for the time of grace. Each removal looks at the facts again under the
/// store's lock, and whoever needs content refreshes it under the same lock: what an upload or push uses stays.
struct GarbageCollector: Sendable {
    let store: RegistryStore
    /// Seconds for which what was used last stays although no manifest refers to it.
    var grace: Int
    /// Seconds after which an upload that nobody goes on with ends.
    var uploadExpiry: Int
    /// Also manifests that no tag, index or subject leads to.
    var removesUntagged = false

    init(store: RegistryStore, grace: Int = 3600, uploadExpiry: Int = 86_400, removesUntagged: Bool = false) {
        self.store = store
        self.grace = grace
        self.uploadExpiry = uploadExpiry
        self.removesUntagged = removesUntagged
    }

    /// What one run has removed.
    struct Outcome: Sendable, Equatable, CustomStringConvertible {
        var manifests = 0
        var blobs = 0
        var contents = 0
        var bytes: Int64 = 0
        var uploads = 0
        var temporary = 0
        /// Manifests that cannot be read: nothing of their repository is removed.
        var damaged: [String] = []

        init() {}

        var description: String {
            "\(manifests) manifests, \(blobs) blobs of repositories, \(contents) contents (\(bytes) bytes), "
                + "\(uploads) uploads, \(temporary) temporary files"
        }
    }

    /// Blocks for as long as it takes; the lock is held for single steps only.
    func run() throws -> Outcome {
        var outcome = Outcome()
        try removeUploads(&outcome)
        for repository in try store.repositoryFolders() { try collect(repository, &outcome) }
        try removeContent(&outcome)
        return outcome
    }

    private func isOld(_ entry: StoreFolder.Entry, _ limit: Int) -> Bool { entry.modified <= time(nil) - limit }

    private func removeUploads(_ outcome: inout Outcome) throws {
        for (folder, limit) in [("uploads", uploadExpiry), ("tmp", max(grace, 3600))] {
            for name in try store.folder.list(folder) {
                let path = "\(folder)/\(name)"
                let isRemoved = try store.folder.removing {
                    guard let entry = try store.folder.find(path), isOld(entry, limit) else { return false }
                    // A request that is working on an upload holds this lock.
                    let file = try store.folder.open(path, O_RDONLY)
                    guard flock(file.raw, LOCK_EX | LOCK_NB) == 0 else { return false }
                    return try store.folder.remove(path)
                }
                guard isRemoved else { continue }
                if folder == "tmp" { outcome.temporary += 1 } else { outcome.uploads += 1 }
            }
        }
    }

    private func collect(_ repository: RepositoryName, _ outcome: inout Outcome) throws {
        var documents: [Digest: ManifestDocument] = [:]
        var isDamaged = false
        for digest in try store.manifests(repository) {
            guard let bytes = try store.folder.read(repository.manifest(digest), limit: ManifestDocument.sizeLimit)
            else {
                continue
            }
            guard RunningDigest.matches(bytes, digest),
                let document = try? ManifestDocument(parsing: bytes, contentType: nil)
            else {
                outcome.damaged.append("\(repository)@\(digest)")
                isDamaged = true
                continue
            }
            documents[digest] = document
        }
        // What a damaged manifest refers to is not known: better too much than too little stays.
        if isDamaged { return }
        if removesUntagged { try removeUntagged(repository, &documents, &outcome) }
        var used: Set<Digest> = []
        for document in documents.values { used.formUnion((document.blobs + document.children).map(\.digest)) }
        for digest in try store.blobs(repository) where !used.contains(digest) {
            if try removeIfOld(repository.blob(digest)) { outcome.blobs += 1 }
        }
        try removeReferrers(repository)
        try removeEmptyFolders(repository)
    }

    private func removeIfOld(_ path: String) throws -> Bool {
        try store.folder.removing {
            guard let entry = try store.folder.find(path), isOld(entry, grace) else { return false }
            return try store.folder.remove(path)
        }
    }

    private func removeUntagged(
        _ repository: RepositoryName, _ documents: inout [Digest: ManifestDocument], _ outcome: inout Outcome
    ) throws {
        var kept: Set<Digest> = []
        var open = Array(
            documents.keys.filter { digest in
                // Younger ones may be on their way to a tag or an index.
                guard let entry = try? store.folder.find(repository.manifest(digest)) else { return true }
                return !isOld(entry, grace)
            })
        for tag in try store.tags(repository) {
            if let digest = try store.digest(repository, tag: tag) { open.append(digest) }
        }
        while let digest = open.popLast() {
            guard kept.insert(digest).inserted else { continue }
            open += documents[digest]?.children.map(\.digest) ?? []
            open += documents.filter { $0.value.subject == digest }.keys
        }
        for digest in documents.keys where !kept.contains(digest) {
            let isRemoved = try store.folder.removing {
                // It may have been tagged, listed or fetched meanwhile: each of these refreshes it.
                guard let entry = try store.folder.find(repository.manifest(digest)), isOld(entry, grace) else {
                    return false
                }
                for tag in try store.tags(repository) where try store.digest(repository, tag: tag) == digest {
                    return false
                }
                return try store.folder.remove(repository.manifest(digest))
            }
            guard isRemoved else { continue }
            outcome.manifests += 1
            documents[digest] = nil
        }
    }

    /// Entries of manifests that are gone. One whose manifest is about to appear is written again with it.
    private func removeReferrers(_ repository: RepositoryName) throws {
        let folder = "\(repository.folder)/_referrers"
        for subject in try store.folder.list(folder) {
            for name in try store.folder.list("\(folder)/\(subject)") {
                guard let digest = try? Digest(parsing: name.replacing("-", with: ":", maxReplacements: 1)) else {
                    continue
                }
                try store.folder.removing {
                    guard try store.folder.find(repository.manifest(digest)) == nil else { return }
                    try store.folder.remove("\(folder)/\(subject)/\(name)")
                }
            }
        }
    }

    /// From below; whoever adds makes the folders under the shared lock, so none disappears under his hands.
    private func removeEmptyFolders(_ repository: RepositoryName) throws {
        try store.folder.removing {
            for subject in try store.folder.list("\(repository.folder)/_referrers") {
                try store.folder.removeFolder("\(repository.folder)/_referrers/\(subject)")
            }
            for part in ["_blobs", "_manifests"] {
                for algorithm in RegistryStore.algorithms {
                    try store.folder.removeFolder("\(repository.folder)/\(part)/\(algorithm)")
                }
            }
            for part in ["_blobs", "_manifests", "_referrers", "_tags"] {
                try store.folder.removeFolder("\(repository.folder)/\(part)")
            }
            var path = repository.folder
            while path != "repositories", try store.folder.removeFolder(path) { path = StoreFolder.parent(path) }
        }
    }

    private func removeContent(_ outcome: inout Outcome) throws {
        var found: [String] = []
        try store.forEachContent { _, path in
            if try store.folder.find(path)?.links == 1 { found.append(path) }
        }
        for path in found {
            let size: Int64? = try store.folder.removing {
                guard let entry = try store.folder.find(path), entry.links == 1 else { return nil }
                return try store.folder.remove(path) ? entry.size : nil
            }
            guard let size else { continue }
            outcome.contents += 1
            outcome.bytes += size
        }
        for algorithm in RegistryStore.algorithms {
            for shard in try store.folder.list("blobs/\(algorithm)") {
                _ = try store.folder.removing { try store.folder.removeFolder("blobs/\(algorithm)/\(shard)") }
            }
        }
    }
}
