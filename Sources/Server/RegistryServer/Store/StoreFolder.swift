// SPDX-License-Identifier: Apache-2.0
// The folder a registry lives in: every path is resolved below it, through no link, and changes are made durable.
import CLinux
import Glibc
import Linux

extension Errno {
    /// There is no such thing in a store; a symbolic link is none.
    var isAbsence: Bool { [ENOENT, ENOTDIR, ELOOP].contains(code) }
}

/// File work below one root with openat2(2). Paths are relative; none can leave the root. All calls block.
final class StoreFolder: Sendable {
    private let root: OwnedFD
    let path: String

    /// RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS: nothing in a store is a link.
    private static let resolution: UInt64 = 0x08 | 0x04 | 0x02

    init(_ path: String) throws(Errno) {
        try TextFile.makeFolders(path, mode: 0o700)
        root = try OwnedFD.open(path, O_RDONLY | O_DIRECTORY)
        self.path = path
    }

    /// What is known of a file.
    struct Entry: Sendable, Equatable {
        var inode: UInt64
        var links: Int
        var size: Int64
        /// Seconds since 1970.
        var modified: Int
        var isFolder: Bool
    }

    func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(Errno) -> OwnedFD {
        var attempts = 0
        while true {
            let fd = apus_openat2(
                root.raw, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode), Self.resolution)
            if fd >= 0 { return OwnedFD(fd) }
            let code = errno
            attempts += 1
            // EAGAIN: a rename raced with the resolution.
            if code == EINTR || code == EAGAIN && attempts < 100 { continue }
            throw Errno(call: "open \(path)", code: code)
        }
    }

    /// nil when it is not there.
    func find(_ path: String) throws(Errno) -> Entry? {
        do throws(Errno) {
            let file = try open(path, O_PATH | O_NOFOLLOW)
            return try Self.entry(file.raw)
        } catch {
            if error.isAbsence { return nil }
            throw error
        }
    }

    static func entry(_ fd: Int32) throws(Errno) -> Entry {
        var status = stat()
        try check("fstat") { fstat(fd, &status) }
        return Entry(
            inode: UInt64(status.st_ino), links: Int(status.st_nlink), size: Int64(status.st_size),
            modified: Int(status.st_mtim.tv_sec), isFolder: status.st_mode & S_IFMT == S_IFDIR)
    }

    /// A small file; nil when it is not there.
    func read(_ path: String, limit: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            let file = try open(path, O_RDONLY)
            return try TextFile.bytes(of: file.raw, limit: limit + 1)
        } catch {
            if error.isAbsence { return nil }
            throw error
        }
    }

    /// Replaces a small file as a whole. It is on disk when this returns.
    func write(_ path: String, _ bytes: [UInt8]) throws(Errno) {
        let temporary = try stage(bytes)
        try rename(temporary, to: path)
        try sync(Self.parent(path))
    }

    /// Writes bytes to a new file in `tmp`, on disk when this returns; gives its path.
    func stage(_ bytes: [UInt8]) throws(Errno) -> String {
        let temporary = "tmp/" + Self.randomName()
        let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        let fd = file.raw
        try Self.append(bytes, to: fd)
        try check("fdatasync") { fdatasync(fd) }
        return temporary
    }

    static func append(_ bytes: [UInt8], to fd: Int32) throws(Errno) {
        var offset = 0
        while offset < bytes.count {
            let start = offset
            offset += try checkLength("write") {
                bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress?.advanced(by: start), $0.count - start) }
            }
        }
    }

    /// mkdir -p; each new folder's name is on disk when this returns.
    func makeFolders(_ path: String) throws(Errno) {
        if path.isEmpty || path == "." { return }
        if try find(path) != nil { return }
        let parent = Self.parent(path)
        try makeFolders(parent)
        let above = try open(parent, O_RDONLY | O_DIRECTORY)
        if mkdirat(above.raw, Self.name(path), 0o700) != 0, errno != EEXIST { throw Errno(call: "mkdir \(path)") }
        let fd = above.raw
        try check("fsync") { fsync(fd) }
    }

    /// Gives a file a second name. False when the name is taken.
    func link(_ path: String, to target: String) throws(Errno) -> Bool {
        let from = try open(Self.parent(path), O_PATH | O_DIRECTORY)
        let to = try open(Self.parent(target), O_PATH | O_DIRECTORY)
        if linkat(from.raw, Self.name(path), to.raw, Self.name(target), 0) == 0 { return true }
        if errno == EEXIST { return false }
        throw Errno(call: "link \(target)")
    }

    func rename(_ path: String, to target: String) throws(Errno) {
        let from = try open(Self.parent(path), O_PATH | O_DIRECTORY)
        let to = try open(Self.parent(target), O_PATH | O_DIRECTORY)
        if renameat(from.raw, Self.name(path), to.raw, Self.name(target)) != 0 { throw Errno(call: "rename \(target)") }
    }

    /// False when it was not there.
    @discardableResult
    func remove(_ path: String) throws(Errno) -> Bool { try remove(path, flags: 0) }

    /// Removes a folder if it is empty; false when it is not, or not there.
    @discardableResult
    func removeFolder(_ path: String) throws(Errno) -> Bool { try remove(path, flags: AT_REMOVEDIR) }

    private func remove(_ path: String, flags: Int32) throws(Errno) -> Bool {
        do throws(Errno) {
            let above = try open(Self.parent(path), O_PATH | O_DIRECTORY)
            if unlinkat(above.raw, Self.name(path), flags) == 0 { return true }
            throw Errno(call: "remove \(path)")
        } catch {
            if [ENOENT, ENOTDIR, ENOTEMPTY, EEXIST].contains(error.code) { return false }
            throw error
        }
    }

    /// The names in a folder, in no order; none when it is not there.
    func list(_ path: String) throws(Errno) -> [String] {
        let folder: OwnedFD
        do throws(Errno) {
            folder = try open(path, O_RDONLY | O_DIRECTORY)
        } catch {
            if error.isAbsence { return [] }
            throw error
        }
        guard let stream = fdopendir(folder.release()) else { throw Errno(call: "open \(path)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// fsync(2) of a folder: the names made in it survive a loss of power.
    func sync(_ path: String) throws(Errno) {
        let folder = try open(path, O_RDONLY | O_DIRECTORY)
        let fd = folder.raw
        try check("fsync") { fsync(fd) }
    }

    /// Sets the time of modification to now: the sign of use that garbage collection respects.
    static func touch(_ fd: Int32) throws(Errno) { try check("futimens") { futimens(fd, nil) } }

    func touch(_ path: String) throws(Errno) {
        let file = try open(path, O_RDONLY)
        try Self.touch(file.raw)
    }

    /// Whether the folder answers and can be written.
    var isUsable: Bool { faccessat(root.raw, ".", R_OK | W_OK | X_OK, 0) == 0 }

    static func parent(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    static func name(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// 32 hexadecimal digits that nobody can guess.
    static func randomName() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = [generator.next(), generator.next()].map { (number: UInt64) in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        return digits.joined()
    }
}
