// SPDX-License-Identifier: Apache-2.0
// Applying the members of a layer below a folder, whatever their names try.
import Archive
import CLinux
import Glibc
import Linux
import Primitives

/// Writes members below a directory descriptor. Every name is split and walked by openat2(2) with RESOLVE_IN_ROOT and
/// RESOLVE_NO_MAGICLINKS, so that neither `..`, absolute names nor links lead out. Whiteouts become overlayfs's own
/// (character device 0:0, `trusted.overlay.opaque`; kernel, Documentation/filesystems/overlayfs.rst).
final class LayerTree: TarVisitor {
    private let root: Int32
    private var parentPath: String?
    private var parent: Int32 = -1
    private var entry: TarEntry?
    private var leaf: [CChar] = []
    private var file: Int32 = -1
    /// Directories get their times last: every member below changes them.
    private var directoryTimes: [(path: String, seconds: Int64, nanoseconds: Int64)] = []
    /// Folders that no member described; they take their owner and mode from the layers below.
    private(set) var impliedDirectories: Set<String> = []
    /// Hard links to files of lower layers: (name, target).
    private(set) var outsideLinks: [(name: String, target: String)] = []
    /// Plain bytes of all files.
    private(set) var contentSize: Int64 = 0

    /// Takes ownership of nothing: `root` stays open as long as this object is used.
    init(root: Int32) { self.root = root }

    deinit {
        if parent >= 0 { _ = close(parent) }
        if file >= 0 { _ = close(file) }
    }

    func begin(_ entry: TarEntry) throws {
        let parts = try Self.parts(entry.name)
        guard let last = parts.last else {
            // The root itself: its mode and owner count, nothing else.
            if entry.kind == .directory { try describeRoot(entry) }
            self.entry = nil
            return
        }
        let folder = parts.dropLast().joined(separator: "/")
        try enter(folder)
        if last.hasPrefix(Whiteout.prefix) {
            try whiteout(String(last.dropFirst(Whiteout.prefix.count)), isOpaque: last == Whiteout.opaque)
            self.entry = nil
            return
        }
        leaf = Array(last.utf8CString)
        self.entry = entry
        try create(entry, path: parts.joined(separator: "/"))
    }

    func content(_ bytes: UnsafeRawBufferPointer) throws {
        guard file >= 0 else { return }
        try FileContent.writeAll(file, bytes)
        contentSize += Int64(bytes.count)
    }

    func end() throws {
        defer { entry = nil }
        guard let entry, file >= 0 else { return }
        let descriptor = file
        defer {
            _ = close(descriptor)
            file = -1
        }
        try check("fchown") { fchown(descriptor, entry.uid, entry.gid) }
        for (name, value) in entry.attributes where try Self.isKept(name) {
            if fsetxattr(descriptor, name, value, value.count, 0) != 0, errno != EOPNOTSUPP {
                throw Errno(call: "setxattr \(name)", code: errno)
            }
        }
        // After chown and the capability: both would clear setuid bits or be cleared.
        try check("fchmod") { fchmod(descriptor, mode_t(entry.mode)) }
        var times = Self.times(entry)
        try check("futimens") { futimens(descriptor, &times) }
    }

    /// Sets the times of directories. Call it once, after the last member.
    func finish() throws {
        for directory in directoryTimes.reversed() {
            let fd = try openInRoot(directory.path, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
            defer { _ = close(fd) }
            var times = [
                timespec(tv_sec: Int(directory.seconds), tv_nsec: Int(directory.nanoseconds)),
                timespec(tv_sec: Int(directory.seconds), tv_nsec: Int(directory.nanoseconds)),
            ]
            try check("futimens") { futimens(fd, &times) }
        }
    }

    /// Components of a member's name: `.` and empty ones dropped, `..` refused.
    static func parts(_ name: String) throws -> [String] {
        let parts = name.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard !parts.contains("..") else {
            throw EngineError.invalidArgument("invalid layer: \"\(name)\" leads out of the root")
        }
        guard parts.allSatisfy({ $0.utf8.count <= 255 && !$0.utf8.contains(0) }), parts.count <= 1024 else {
            throw EngineError.invalidArgument("invalid layer: name too long")
        }
        return parts
    }

    /// Attributes that images may set. `trusted.*` would speak to overlayfs itself.
    private static func isKept(_ name: String) throws -> Bool {
        name == "security.capability" || name.hasPrefix("user.")
    }

    private static func times(_ entry: TarEntry) -> [timespec] {
        let time = timespec(tv_sec: Int(entry.modified), tv_nsec: Int(entry.modifiedNanoseconds))
        return [time, time]
    }

    private func openInRoot(_ path: String, _ flags: UInt64) throws -> Int32 {
        let how = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        return try check("openat2") { apus_openat2(root, path.isEmpty ? "." : path, flags | UInt64(O_CLOEXEC), 0, how) }
    }

    /// Makes `path` the current parent, creating what is missing.
    private func enter(_ path: String) throws {
        if parentPath == path { return }
        let fd = try openDirectory(path)
        if parent >= 0 { _ = close(parent) }
        parent = fd
        parentPath = path
    }

    private func openDirectory(_ path: String) throws -> Int32 {
        do {
            return try openInRoot(path, UInt64(O_RDONLY | O_DIRECTORY))
        } catch let error as Errno {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return try makeDirectory(path, after: error)
        }
    }

    /// A missing folder is made; a file of this layer in its place is replaced.
    private func makeDirectory(_ path: String, after error: Errno) throws -> Int32 {
        let parts = path.split(separator: "/")
        guard let name = parts.last.map(String.init) else { throw error }
        let above = try openDirectory(parts.dropLast().joined(separator: "/"))
        defer { _ = close(above) }
        if mkdirat(above, name, 0o755) != 0 {
            guard errno == EEXIST else { throw Errno(call: "mkdir \(path)", code: errno) }
            unlinkat(above, name, 0)
            try check("mkdirat") { mkdirat(above, name, 0o755) }
        }
        impliedDirectories.insert(path)
        return try check("openat") { openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
    }

    private func describeRoot(_ entry: TarEntry) throws {
        try check("fchown") { fchown(root, entry.uid, entry.gid) }
        try check("fchmod") { fchmod(root, mode_t(entry.mode)) }
        directoryTimes.append(("", entry.modified, entry.modifiedNanoseconds))
    }

    private func whiteout(_ name: String, isOpaque: Bool) throws {
        if isOpaque {
            try check("setxattr") { fsetxattr(parent, "trusted.overlay.opaque", "y", 1, 0) }
            return
        }
        // Other names that start with ".wh..wh." are an old union file system's own book-keeping.
        if name.hasPrefix(Whiteout.prefix) { return }
        guard !name.isEmpty, name != ".", name != ".." else {
            throw EngineError.invalidArgument("invalid layer: whiteout of nothing")
        }
        leaf = Array(name.utf8CString)
        try removeExisting(keepDirectory: false)
        try check("mknodat") { mknodat(parent, leaf, S_IFCHR, 0) }
    }

    private func create(_ entry: TarEntry, path: String) throws {
        let mode = mode_t(entry.mode)
        switch entry.kind {
        case .directory:
            if mkdirat(parent, leaf, mode) != 0 {
                guard errno == EEXIST else { throw Errno(call: "mkdir", code: errno) }
                try removeExisting(keepDirectory: true)
                if mkdirat(parent, leaf, mode) != 0, errno != EEXIST { throw Errno(call: "mkdir", code: errno) }
            }
            directoryTimes.append((path, entry.modified, entry.modifiedNanoseconds))
            impliedDirectories.remove(path)
            try describe(entry)
        case .file:
            var fd = openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            if fd < 0, errno == EEXIST {
                try removeExisting(keepDirectory: false)
                fd = openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            }
            guard fd >= 0 else { throw Errno(call: "open \(path)", code: errno) }
            file = fd
        case .symbolicLink:
            try removeExisting(keepDirectory: false)
            try check("symlinkat") { symlinkat(entry.linkName, parent, leaf) }
            try describe(entry)
        case .hardLink: try link(entry, path: path)
        case .characterDevice, .blockDevice:
            try removeExisting(keepDirectory: false)
            let device = gnu_dev_makedev(entry.deviceMajor, entry.deviceMinor)
            guard entry.kind == .blockDevice || device != 0 else {
                throw EngineError.invalidArgument("invalid layer: \"\(entry.name)\" poses as a whiteout")
            }
            try check("mknodat") {
                mknodat(parent, leaf, (entry.kind == .blockDevice ? S_IFBLK : S_IFCHR) | mode, device)
            }
            try describe(entry)
        case .fifo:
            try removeExisting(keepDirectory: false)
            try check("mknodat") { mknodat(parent, leaf, S_IFIFO | mode, 0) }
            try describe(entry)
        }
    }

    private func link(_ entry: TarEntry, path: String) throws {
        let parts = try Self.parts(entry.linkName)
        guard let name = parts.last else { throw EngineError.invalidArgument("invalid layer: hard link to nothing") }
        try removeExisting(keepDirectory: false)
        do {
            let folder = try openInRoot(parts.dropLast().joined(separator: "/"), UInt64(O_PATH | O_DIRECTORY))
            defer { _ = close(folder) }
            try check("linkat") { linkat(folder, name, parent, leaf, 0) }
        } catch let error as Errno {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            outsideLinks.append((path, parts.joined(separator: "/")))
        }
    }

    /// Owner, mode, attributes and (but for directories) times of what was just made at `leaf`.
    private func describe(_ entry: TarEntry) throws {
        try check("fchownat") { fchownat(parent, leaf, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) }
        if entry.kind != .symbolicLink {
            // Nobody else writes here, and `leaf` is no link: following is safe.
            try check("fchmodat") { fchmodat(parent, leaf, mode_t(entry.mode), 0) }
        }
        for (name, value) in entry.attributes where try Self.isKept(name) {
            let path =
                "/proc/self/fd/\(parent)/"
                + String(decoding: leaf.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if lsetxattr(path, name, value, value.count, 0) != 0, errno != EOPNOTSUPP, errno != EPERM {
                throw Errno(call: "setxattr \(name)", code: errno)
            }
        }
        if entry.kind != .directory {
            var times = Self.times(entry)
            try check("utimensat") { utimensat(parent, leaf, &times, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// A later member of the same name replaces the earlier one; only directories are merged.
    private func removeExisting(keepDirectory: Bool) throws {
        var status = stat()
        guard fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            if keepDirectory { return }
            let child = try check("openat") { openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
            Folder.removeEntries(child)
            _ = close(child)
            try check("unlinkat") { unlinkat(parent, leaf, AT_REMOVEDIR) }
        } else {
            try check("unlinkat") { unlinkat(parent, leaf, 0) }
        }
    }
}
