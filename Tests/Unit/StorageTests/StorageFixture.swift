// SPDX-License-Identifier: Apache-2.0
// A data root of a test's own, and layers made by hand.
import Archive
import CLinux
import Glibc
import Linux
import OCI
import Primitives
import SQLite
import Storage
import Testing

import struct Crypto.SHA256

/// Stores in a folder that goes with the object.
final class Fixture {
    let folder: String
    let database: Database
    let content: ContentStore
    let layers: LayerStore
    let images: ImageStore

    init() throws {
        var template = Array("/tmp/apus-storage-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        database = try Database(path: folder + "/db")
        content = try ContentStore(folder: folder + "/content")
        layers = try LayerStore(folder: folder + "/snapshots", database: database)
        images = try ImageStore(content: content, layers: layers, database: database)
    }

    deinit {
        database.close()
        removeAll(folder)
    }

    /// Unpacks a tar as the layer above `below`; gives its tree's path.
    @discardableResult
    func apply(_ tar: [UInt8], above below: [Digest] = [], diffID: Digest? = nil) throws -> (
        path: String, diffs: [Digest]
    ) {
        let unpacker = try layers.unpacker()
        defer { unpacker.abandon() }
        try unpacker.write(tar)
        let diffs = below + [diffID ?? digest(tar)]
        let chains = LayerStore.chains(diffs)
        try layers.commit(unpacker, diffID: diffs[diffs.count - 1], chains: chains)
        return ("\(folder)/snapshots/\(chains[chains.count - 1].hex)/fs", diffs)
    }

    /// Whatever lies about in the stores but finished content.
    var leftovers: [String] {
        entries(folder + "/content/ingest") + entries(folder + "/snapshots").filter { $0.utf8.count != 64 }
    }
}

func digest(_ bytes: [UInt8]) -> Digest { Digest(sha256: SHA256.hash(data: bytes)) }

func tar(_ members: [TarEntry], contents: [String: [UInt8]] = [:]) -> [UInt8] {
    var bytes: [UInt8] = []
    for var member in members {
        let content = member.kind == .file ? contents[member.name.description] ?? [] : []
        member.size = Int64(content.count)
        bytes += TarWriter.header(member) + content + TarWriter.padding(for: member.size)
    }
    return bytes + TarWriter.end
}

func file(_ name: PathBytes, mode: UInt32 = 0o644) -> TarEntry { TarEntry(name: name, mode: mode) }
func directory(_ name: PathBytes, mode: UInt32 = 0o755) -> TarEntry {
    TarEntry(name: name, kind: .directory, mode: mode)
}
func symlink(_ name: PathBytes, _ target: PathBytes) -> TarEntry {
    TarEntry(name: name, kind: .symbolicLink, mode: 0o777, linkName: target)
}
func hardlink(_ name: PathBytes, _ target: PathBytes) -> TarEntry {
    TarEntry(name: name, kind: .hardLink, linkName: target)
}

/// What a path is: `file`, `folder`, `opaque`, `link → target`, `whiteout`, `device`, `pipe`, nil when nothing.
func kind(_ path: String) -> String? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return "file"
    case S_IFDIR:
        var value: [UInt8] = [0]
        return getxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == [UInt8(ascii: "y")]
            ? "opaque" : "folder"
    case S_IFLNK:
        var target = [CChar](repeating: 0, count: 4097)
        readlink(path, &target, 4096)
        return "link → " + String(decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    case S_IFCHR: return status.st_rdev == 0 ? "whiteout" : "device"
    case S_IFBLK: return "device"
    case S_IFIFO: return "pipe"
    default: return "other"
    }
}

func mode(_ path: String) -> UInt32? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

func entries(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

func removeAll(_ path: String) {
    for name in entries(path) where unlink(path + "/" + name) != 0 { removeAll(path + "/" + name) }
    rmdir(path)
}

func write(_ path: String, _ bytes: [UInt8]) throws {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    #expect(fd >= 0)
    #expect(bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) } == bytes.count)
    close(fd)
}

func read(_ path: String) -> [UInt8]? {
    let fd = open(path, O_RDONLY | O_NOFOLLOW)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = Glibc.read(fd, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
}

var isRoot: Bool { geteuid() == 0 }
