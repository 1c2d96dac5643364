// SPDX-License-Identifier: Apache-2.0
// Is everything in a registry's folder what its name says, and does every manifest have what it needs?
import Glibc
import Linux
import OCI
import Primitives

/// Reads the whole store and changes nothing.
struct StoreVerification: Sendable {
    let store: RegistryStore

    init(store: RegistryStore) { self.store = store }

    /// What is wrong, one sentence each; empty when all is well.
    func problems() throws -> [String] {
        var problems: [String] = []
        var bad: Set<Digest> = []
        try store.forEachContent { digest, path in
            if try !isRight(path, digest) {
                bad.insert(digest)
                problems.append("content \(digest) is damaged")
            }
        }
        for repository in try store.repositoryFolders() {
            for tag in try store.tags(repository) {
                guard let digest = try store.digest(repository, tag: tag) else { continue }
                if try store.folder.find(repository.manifest(digest)) == nil {
                    problems.append("\(repository):\(tag) names a manifest that is not there")
                }
            }
            for digest in try store.manifests(repository) { try check(repository, digest, &problems) }
            for digest in try store.blobs(repository) {
                let path = repository.blob(digest)
                let own = try store.folder.find(path)?.inode
                if try own != store.folder.find(RegistryStore.content(digest))?.inode, try !isRight(path, digest) {
                    problems.append("\(repository): blob \(digest) is damaged")
                }
            }
        }
        return problems
    }

    private func check(_ repository: RepositoryName, _ digest: Digest, _ problems: inout [String]) throws {
        guard let bytes = try store.folder.read(repository.manifest(digest), limit: ManifestDocument.sizeLimit) else {
            return
        }
        guard RunningDigest.matches(bytes, digest),
            let document = try? ManifestDocument(parsing: bytes, contentType: nil)
        else {
            problems.append("\(repository)@\(digest) is damaged")
            return
        }
        for descriptor in document.blobs + document.children {
            let found =
                try store.folder.find(repository.blob(descriptor.digest))
                ?? store.folder.find(repository.manifest(descriptor.digest))
            if found == nil {
                problems.append("\(repository)@\(digest) needs \(descriptor.digest), which is not there")
            }
        }
    }

    private func isRight(_ path: String, _ digest: Digest) throws -> Bool {
        guard try store.folder.find(path) != nil else { return true }
        let file = try store.folder.open(path, O_RDONLY)
        let size = try StoreFolder.entry(file.raw).size
        let blob = RegistryStore.OpenBlob(file, size: size)
        var running = RunningDigest(digest.algorithm)
        var offset: Int64 = 0
        while offset < blob.size {
            let bytes = try blob.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { return false }
            running.update(bytes)
            offset += Int64(bytes.count)
        }
        return running.matches(digest)
    }
}
