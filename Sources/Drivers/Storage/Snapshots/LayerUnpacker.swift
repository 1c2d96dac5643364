// SPDX-License-Identifier: Apache-2.0
// One layer from compressed bytes to a tree: decompress, hash, read the tar, write the files, all in one pass.
import Archive
import CLinux
import Glibc
import Linux
import Primitives

import struct Crypto.SHA256

/// Takes the bytes of a layer as they arrive. One thread at a time uses it.
package final class LayerUnpacker: @unchecked Sendable {
    // Unchecked: handed from one pool thread to the next by its owner, which awaits each call.
    let folder: String
    private let root: Int32
    private let tree: LayerTree
    private var reader: TarReader<LayerTree>
    private let decompressor = Decompressor()
    private var hash = SHA256()
    private var isOver = false

    init(folder: String) throws {
        self.folder = folder
        try Folder.make(folder)
        try Folder.make(folder + "/fs", mode: 0o755)
        root = try OwnedFD.open(folder + "/fs", O_RDONLY | O_DIRECTORY).release()
        tree = LayerTree(root: root)
        reader = TarReader(visitor: tree)
    }

    deinit {
        abandon()
        _ = close(root)
    }

    /// Plain bytes of all files.
    package var contentSize: Int64 { tree.contentSize }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try decompressor.write(bytes) { plain in
            hash.update(bufferPointer: plain)
            try reader.feed(plain)
        }
    }

    package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Ends the archive; gives the DiffID.
    func finish() throws -> Digest {
        try decompressor.finish { plain in
            hash.update(bufferPointer: plain)
            try reader.feed(plain)
        }
        try reader.finish()
        try tree.finish()
        return Digest(sha256: hash.finalize())
    }

    /// Fills in what the layer only refers to: owners and modes of folders it did not describe, files it linked to.
    /// `below` are the trees underneath, topmost first.
    func completeFromBelow(_ below: [String]) throws {
        for path in tree.impliedDirectories {
            for lower in below {
                var status = stat()
                let source = try? openInRoot(lower, path, UInt64(O_PATH | O_NOFOLLOW))
                guard let source else { continue }
                defer { _ = close(source) }
                guard fstatat(source, "", &status, AT_EMPTY_PATH) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR { try describe(path, status) }
                break
            }
        }
        if tree.isRootOpaque { for lower in below { for name in Folder.names(lower) { try tree.hideBelow(name) } } }
        for link in tree.outsideLinks {
            guard let source = find(link.target, below) else {
                throw EngineError.invalidArgument(
                    "invalid layer: \"\(link.name)\" links to \"\(link.target)\", which is not there")
            }
            defer { _ = close(source) }
            try copy(source, to: link.name)
        }
    }

    private func describe(_ path: PathBytes, _ status: stat) throws {
        let target: Int32
        do {
            target = try openInRoot(folder + "/fs", path, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        } catch let error as Errno where [ENOENT, ENOTDIR, ELOOP].contains(error.code) {
            // A later member took the folder's place.
            return
        }
        defer { _ = close(target) }
        try check("fchown") { fchown(target, status.st_uid, status.st_gid) }
        try check("fchmod") { fchmod(target, status.st_mode & 0o7777) }
        var times = [status.st_atim, status.st_mtim]
        try check("futimens") { futimens(target, &times) }
    }

    /// The topmost lower file of a name. O_PATH: opening a device or a pipe to read it would wake its driver, or wait.
    private func find(_ path: PathBytes, _ below: [String]) -> Int32? {
        for lower in below {
            guard let found = try? openInRoot(lower, path, UInt64(O_PATH | O_NOFOLLOW)) else { continue }
            defer { _ = close(found) }
            var status = stat()
            guard fstatat(found, "", &status, AT_EMPTY_PATH) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return nil
            }
            let file = open("/proc/self/fd/\(found)", O_RDONLY | O_CLOEXEC)
            return file >= 0 ? file : nil
        }
        return nil
    }

    /// Removes the tree unless it was published.
    package func abandon() {
        if isOver { return }
        isOver = true
        // A file that is removed keeps its room on the disk until it is closed.
        tree.close()
        Folder.removeTree(folder)
    }

    func published() { isOver = true }

    private func openInRoot(_ root: String, _ path: PathBytes, _ flags: UInt64) throws -> Int32 {
        let folder = try OwnedFD.open(root, O_PATH | O_DIRECTORY)
        let raw = folder.raw
        let how = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        return try check("openat2") {
            (path.isEmpty ? "." : path).withCString { apus_openat2(raw, $0, flags | UInt64(O_CLOEXEC), 0, how) }
        }
    }

    private func copy(_ source: Int32, to path: PathBytes) throws {
        var status = stat()
        try check("fstat") { fstat(source, &status) }
        guard var parts = path.components, let name = parts.popLast() else { return }
        let parent = try openInRoot(folder + "/fs", .joining(parts), UInt64(O_RDONLY | O_DIRECTORY))
        defer { _ = close(parent) }
        let target = name.withCString {
            openat(parent, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        if target < 0, errno == EEXIST { return }  // A later member has the name.
        guard target >= 0 else { throw Errno(call: "open \(path)", code: errno) }
        defer { _ = close(target) }
        var left = Int(status.st_size)
        while left > 0 {
            let count = try checkLength("sendfile") { sendfile(target, source, nil, min(left, 1 << 30)) }
            if count == 0 { break }
            left -= count
        }
        try check("fchown") { fchown(target, status.st_uid, status.st_gid) }
        try check("fchmod") { fchmod(target, status.st_mode & 0o7777) }
        var times = [status.st_atim, status.st_mtim]
        try check("futimens") { futimens(target, &times) }
    }
}
