// SPDX-License-Identifier: Apache-2.0
// A registry on disk: content by digest, and for each repository the names of what it holds.
import Glibc
import Linux
import Primitives

/// `blobs/<algorithm>/<2 digits>/<hex>` holds content once. A repository holds what it has as further hard links to it,
/// so the file system counts the references: content with one link is nobody's. All calls block; run them on `Blocking`.
///
/// Life of content: written in `uploads/` or `tmp/`, synced, renamed to its digest, linked into the repository. A crash
/// between any two of these leaves something that garbage collection takes away, never a name for wrong content.
final class RegistryStore: Sendable {
    let folder: StoreFolder
    private static let version = "1\n"
    /// A name used within this time (seconds) need not be refreshed again.
    private static let freshness = 60

    init(root: String) throws {
        folder = try StoreFolder(root)
        for name in ["blobs", "repositories", "uploads", "tmp"] { try folder.makeFolders(name) }
        if let found = try folder.read("version", limit: 64) {
            guard found == Array(Self.version.utf8) else {
                throw EngineError.invalidArgument("\(root) is a registry folder of another version of this program")
            }
        } else {
            try folder.write("version", Array(Self.version.utf8))
        }
    }

    static func content(_ digest: Digest) -> String {
        "blobs/\(digest.algorithm)/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    /// An open blob and its size. Reading it is not disturbed by its removal.
    final class OpenBlob: Sendable {
        let file: OwnedFD
        let size: Int64

        init(_ file: consuming OwnedFD, size: Int64) {
            self.file = file
            self.size = size
        }

        /// Up to `count` bytes from `offset`.
        func read(at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
            var failure: Errno?
            let fd = file.raw
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
                do throws(Errno) {
                    used = try checkLength("read") { pread(fd, buffer.baseAddress, count, off_t(offset)) }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return bytes
        }
    }

    /// Opens what a repository holds under this path, and notes that it is in use; nil when it holds no such thing.
    func openLink(_ path: String) throws -> OpenBlob? {
        try folder.adding {
            do {
                let file = try folder.open(path, O_RDONLY)
                let entry = try StoreFolder.entry(file.raw)
                if entry.modified < time(nil) - Self.freshness { try StoreFolder.touch(file.raw) }
                return OpenBlob(file, size: entry.size)
            } catch let error as Errno where error.isAbsence {
                return nil
            }
        }
    }

    /// Puts a finished, synced file in its place and links it into a repository. Call inside `folder.adding`.
    func place(_ file: String, as digest: Digest, link: String) throws {
        let content = Self.content(digest)
        try folder.makeFolders(StoreFolder.parent(content))
        let size = try folder.find(file)?.size
        if let old = try folder.find(content), old.size == size {
            try folder.remove(file)
            try folder.touch(content)
        } else {
            // A file of another size under this name is damage; what came now was verified.
            try folder.rename(file, to: content)
            try folder.sync(StoreFolder.parent(content))
        }
        try addLink(content, link)
    }

    /// Makes `link` a name of the same file as `content`.
    func addLink(_ content: String, _ link: String) throws {
        try folder.makeFolders(StoreFolder.parent(link))
        do {
            if try !folder.link(content, to: link) {
                let old = try folder.find(link)
                let new = try folder.find(content)
                if old?.inode == new?.inode { return }
                let temporary = "tmp/" + StoreFolder.randomName()
                _ = try folder.link(content, to: temporary)
                try folder.rename(temporary, to: link)
            }
        } catch  where error.code == EMLINK {
            // A file can have so many names only (65,000 on ext4): this repository gets a copy.
            try folder.rename(try copy(content), to: link)
        }
        try folder.sync(StoreFolder.parent(link))
    }

    private func copy(_ path: String) throws -> String {
        let temporary = "tmp/" + StoreFolder.randomName()
        let source = try folder.open(path, O_RDONLY)
        let target = try folder.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        let blob = OpenBlob(source, size: 0)
        var offset: Int64 = 0
        while true {
            let bytes = try blob.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { break }
            try StoreFolder.append(bytes, to: target.raw)
            offset += Int64(bytes.count)
        }
        let fd = target.raw
        try check("fdatasync") { fdatasync(fd) }
        return temporary
    }
}
