// SPDX-License-Identifier: Apache-2.0
// Blobs by digest: verified while they stream in, visible only when whole.
import CLinux
import Glibc
package import Linux
package import Primitives

import struct Crypto.SHA256

/// The folder `content/`: `blobs/<algorithm>/<hex>` and, while they arrive, `ingest/<name>`.
///
/// A blob appears by rename after its digest was verified and its bytes are on disk; whatever else lies in `ingest` is a
/// download that stopped, and can be continued.
package struct ContentStore: Sendable {
    package let folder: String

    /// Opens the folder, once per daemon: what an earlier one left in `ingest` goes, but for young downloads.
    package init(folder: String) throws {
        self.folder = folder
        for name in ["blobs/sha256", "blobs/sha512", "ingest"] { try Folder.make(folder + "/" + name) }
        removeStaleIngests()
    }

    /// Downloads begin with this and can be continued; all else in `ingest` is of use to its maker alone.
    package static let resumablePrefix = "pull-"
    private static let resumableAge = 24 * 3600

    package func path(_ digest: Digest) -> String { "\(folder)/blobs/\(digest.algorithm)/\(digest.hex)" }

    package func contains(_ digest: Digest) -> Bool { access(path(digest), F_OK) == 0 }

    /// Size in bytes, nil when the blob is not there.
    package func size(_ digest: Digest) -> Int64? {
        var status = stat()
        return stat(path(digest), &status) == 0 ? Int64(status.st_size) : nil
    }

    /// The whole blob; refused when it is larger than `limit`.
    package func read(_ digest: Digest, limit: Int = 16 << 20) throws -> [UInt8] {
        try context("blob \(digest.short)") { try FileContent.read(path(digest), limit: limit) }
    }

    package func open(_ digest: Digest) throws -> OwnedFD { try OwnedFD.open(path(digest), O_RDONLY) }

    /// Stores bytes that are in memory; gives their digest. `known` hears it before the blob is visible, to lease it.
    @discardableResult
    package func put(_ bytes: [UInt8], known: (Digest) -> Void = { _ in }) throws -> Digest {
        let digest = Digest(sha256: SHA256.hash(data: bytes))
        known(digest)
        if contains(digest) { return digest }
        let ingest = try begin("put-\(Identifier.random().prefix(16))", resume: false)
        defer { ingest.abandon() }
        try bytes.withUnsafeBytes { try ingest.write($0) }
        return try ingest.commit(expecting: digest, size: nil)
    }

    /// Starts or continues taking in a blob under a name of the caller's. Two at once under one name: the second fails.
    package func begin(_ name: String, resume: Bool) throws -> Ingest {
        try Ingest(store: self, name: name, resume: resume)
    }

    package func remove(_ digest: Digest) { unlink(path(digest)) }

    /// Seconds since the blob was written.
    func age(_ digest: Digest) -> Int64 {
        var status = stat()
        return stat(path(digest), &status) == 0 ? Int64(time(nil) - status.st_mtim.tv_sec) : 0
    }

    /// Digests of all blobs.
    package func list() -> [Digest] {
        ["sha256", "sha512"].flatMap { algorithm in
            Folder.entries("\(folder)/blobs/\(algorithm)").compactMap { try? Digest(parsing: "\(algorithm):\($0)") }
        }
    }

    private func removeStaleIngests() {
        let now = time(nil)
        for name in Folder.entries(folder + "/ingest") {
            var status = stat()
            let path = "\(folder)/ingest/\(name)"
            if name.hasPrefix(Self.resumablePrefix), stat(path, &status) == 0,
                Int(now) - Int(status.st_mtim.tv_sec) < Self.resumableAge
            {
                continue
            }
            Folder.removeTree(path)
        }
    }

    fileprivate func sync(_ algorithm: String) throws {
        let directory = try OwnedFD.open("\(folder)/blobs/\(algorithm)", O_RDONLY | O_DIRECTORY)
        let raw = directory.raw
        try check("fsync") { fsync(raw) }
    }
}

/// One blob on its way in. One thread at a time uses it.
package final class Ingest: @unchecked Sendable {
    // Unchecked: handed from one pool thread to the next by its owner, which awaits each call.
    private let store: ContentStore
    private let path: String
    private var file: Int32
    private var hash = SHA256()
    package private(set) var offset: Int64 = 0
    private var isFinished = false

    fileprivate init(store: ContentStore, name: String, resume: Bool) throws {
        self.store = store
        path = "\(store.folder)/ingest/\(name)"
        file = try Self.lock(path)
        if resume { try hashWhatIsThere() } else { try restart() }
    }

    /// The file under this name, locked. Not a byte of it is touched before the lock is held: until then it may be another
    /// writer's, or published as a blob already.
    private static func lock(_ path: String) throws -> Int32 {
        for _ in 0..<1000 {
            let file = try OwnedFD.open(path, O_RDWR | O_CREAT, mode: 0o600).release()
            if flock(file, LOCK_EX | LOCK_NB) != 0 {
                _ = close(file)
                break
            }
            var opened = stat()
            var named = stat()
            if fstat(file, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino { return file }
            _ = close(file)
        }
        throw EngineError.conflict("the same content is being taken in already")
    }

    deinit { if file >= 0 { _ = close(file) } }

    private func hashWhatIsThere() throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try buffer.withUnsafeMutableBytes { bytes in
                try checkLength("read") { Glibc.read(file, bytes.baseAddress, bytes.count) }
            }
            if count == 0 { return }
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        hash.update(bufferPointer: bytes)
        try FileContent.writeAll(file, bytes)
        offset += Int64(bytes.count)
    }

    /// Hands out what was taken in before, from the first byte.
    package func replay(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while position < offset {
            let place = Int(position)
            let count = try checkLength("pread") { pread(file, buffer.baseAddress, buffer.count, place) }
            if count == 0 { return }
            try sink(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += Int64(count)
        }
    }

    /// Forgets what was taken in so far; the next byte is the first.
    package func restart() throws {
        try check("ftruncate") { ftruncate(file, 0) }
        _ = lseek(file, 0, SEEK_SET)
        hash = SHA256()
        offset = 0
    }

    /// Verifies and publishes the blob. What does not match is removed. `known` hears the digest before the blob is visible.
    @discardableResult
    package func commit(expecting digest: Digest?, size: Int64?, known: (Digest) -> Void = { _ in }) throws -> Digest {
        let actual = Digest(sha256: hash.finalize())
        if let size, size != offset {
            abandon()
            throw EngineError.invalidArgument(
                "unexpected size of \(digest?.description ?? "content"): \(offset) bytes instead of \(size)")
        }
        if let digest, digest != actual {
            abandon()
            throw EngineError.invalidArgument(
                "filesystem layer verification failed for digest \(digest): content is \(actual)")
        }
        try check("fdatasync") { fdatasync(file) }
        known(actual)
        try check("rename") { rename(path, store.path(actual)) }
        isFinished = true
        // The name too has to survive a power cut: rows of the database will speak of it.
        try store.sync(actual.algorithm)
        return actual
    }

    /// Removes what was taken in. Its room on the disk is free at once, whoever still refers to this object.
    package func abandon() {
        if isFinished { return }
        isFinished = true
        unlink(path)
        _ = close(file)
        file = -1
    }
}
