// SPDX-License-Identifier: Apache-2.0
// Applying the members of a layer below a folder, whatever their names try.
import Archive
import CLinux
import Glibc
import Linux
import Primitives

/// Writes members below a directory descriptor. Every name is split and walked by openat2(2) with RESOLVE_IN_ROOT and
/// RESOLVE_NO_MAGICLINKS, so that neither `..`, absolute names nor links lead out. Whiteouts become overlayfs's own
/// (character device 0:0, `trusted.overlay.opaque`; overlayfs.rst). They hide what is below, never what the same layer
/// brings, whichever comes first (image-spec, layer.md, "Whiteouts").
final class LayerTree: TarVisitor {
    /// Far beyond any image in use; what is remembered per member stays bounded.
    static let memberLimit = 5_000_000
    /// Links may lead deeper than any one name: folders deeper than this many bytes of path are refused.
    private static let depthLimit = 4096

    private let root: Int32
    private var members = 0
    private var parentPath: PathBytes?
    private var parent: Int32 = -1
    private var entry: TarEntry?
    private var leaf = PathBytes("")
    private var file: Int32 = -1
    /// Directories get their times last: every member below changes them.
    private var directoryTimes: [PathBytes: timespec] = [:]
    /// Folders that no member described; they take their owner and mode from the layers below. The root is one at first.
    private(set) var impliedDirectories: Set<PathBytes> = [""]
    /// Hard links to files of lower layers: (name, target).
    private(set) var outsideLinks: [(name: PathBytes, target: PathBytes)] = []
    private(set) var isRootOpaque = false
    /// Plain bytes of all files.
    private(set) var contentSize: Int64 = 0

    /// Takes ownership of nothing: `root` stays open as long as this object is used.
    init(root: Int32) { self.root = root }

    deinit { close() }

    /// Closes what is open. No member may come afterwards.
    func close() {
        if parent >= 0 { _ = Glibc.close(parent) }
        if file >= 0 { _ = Glibc.close(file) }
        parent = -1
        file = -1
    }

    func begin(_ entry: TarEntry) throws {
        members += 1
        guard members <= Self.memberLimit else { throw Self.invalid("more than \(Self.memberLimit) members") }
        self.entry = nil
        let parts = try Self.parts(entry.name)
        guard let last = parts.last else {
            // The root itself: its mode and owner count, nothing else.
            guard entry.kind == .directory else { throw Self.invalid("a member without a name") }
            return try describeRoot(entry)
        }
        try enter(.joining(parts.dropLast()))
        if last.bytes.starts(with: Whiteout.prefix.utf8) {
            return try whiteout(PathBytes(last.bytes.dropFirst(Whiteout.prefix.utf8.count)), last)
        }
        leaf = last
        self.entry = entry
        try create(entry, path: .joining(parts))
    }

    func content(_ bytes: UnsafeRawBufferPointer) throws {
        guard file >= 0 else { return }
        try FileContent.writeAll(file, bytes)
        contentSize += Int64(bytes.count)
    }

    /// Nothing is written: the disk has no more of the file than the archive. The size is set at its end.
    func hole(_ count: Int64) throws {
        guard file >= 0 else { return }
        guard lseek(file, Int(count), SEEK_CUR) >= 0 else { throw Errno(call: "lseek", code: errno) }
        let (size, overflow) = contentSize.addingReportingOverflow(count)
        guard !overflow else { throw Self.invalid("larger than any disk") }
        contentSize = size
    }

    func end() throws {
        defer { entry = nil }
        guard let entry, file >= 0 else { return }
        let descriptor = file
        defer {
            _ = Glibc.close(descriptor)
            file = -1
        }
        // A file that ends with a hole.
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_size < entry.size {
            try check("ftruncate") { ftruncate(descriptor, Int(entry.size)) }
        }
        try check("fchown") { fchown(descriptor, entry.uid, entry.gid) }
        for (name, value) in entry.attributes where Self.isKept(name) {
            if fsetxattr(descriptor, name, value, value.count, 0) != 0, errno != EOPNOTSUPP {
                throw Errno(call: "setxattr \(name)", code: errno)
            }
        }
        // After chown and the capability: both would clear setuid bits or be cleared.
        try check("fchmod") { fchmod(descriptor, mode_t(entry.mode)) }
        let times = Self.times(entry)
        try check("futimens") { futimens(descriptor, times) }
    }

    /// Sets the times of directories. Call it once, after the last member.
    func finish() throws {
        for (path, time) in directoryTimes {
            let fd = openInRoot(path, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
            // A later member may have taken the directory's place.
            if fd < 0, [ENOENT, ENOTDIR, ELOOP].contains(errno) { continue }
            guard fd >= 0 else { throw Errno(call: "openat2 \(path)", code: errno) }
            defer { _ = Glibc.close(fd) }
            let times = [time, time]
            try check("futimens") { futimens(fd, times) }
        }
    }

    /// Components of a member's name; names that lead out of the root are refused, as are ones no file can have.
    static func parts(_ name: PathBytes) throws -> [PathBytes] {
        guard let parts = name.components else { throw invalid("\"\(name)\" leads out of the root") }
        guard parts.allSatisfy({ $0.bytes.count <= 255 && !$0.bytes.contains(0) }), name.bytes.count < 4096 else {
            throw invalid("name too long")
        }
        return parts
    }

    private static func invalid(_ what: String) -> EngineError { .invalidArgument("invalid layer: \(what)") }

    /// Attributes that images may set. `trusted.*` would speak to overlayfs itself, and in user namespaces so would
    /// `user.overlay.*`.
    private static func isKept(_ name: String) -> Bool {
        name == "security.capability" || name.hasPrefix("user.") && !name.hasPrefix("user.overlay.")
    }

    private static func times(_ entry: TarEntry) -> [timespec] {
        let time = timespec(tv_sec: Int(entry.modified), tv_nsec: Int(entry.modifiedNanoseconds))
        return [time, time]
    }

    // MARK: folders

    /// openat2(2) below the root; -1 and `errno` when it fails.
    private func openInRoot(_ path: PathBytes, _ flags: UInt64, _ more: Int32 = 0) -> Int32 {
        let how = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more)
        return (path.isEmpty ? "." : path).withCString { apus_openat2(root, $0, flags | UInt64(O_CLOEXEC), 0, how) }
    }

    /// Makes `path` the current parent, creating what is missing.
    private func enter(_ path: PathBytes) throws {
        if parentPath == path { return }
        let fd = try openDirectory(path, links: 0)
        if parent >= 0 { _ = Glibc.close(parent) }
        parent = fd
        parentPath = path
    }

    private func openDirectory(_ path: PathBytes, links: Int) throws -> Int32 {
        // Nearly always there is no link in the way, and the name's length is the depth.
        var fd = openInRoot(path, UInt64(O_RDONLY | O_DIRECTORY), RESOLVE_NO_SYMLINKS)
        if fd >= 0 { return fd }
        if errno == ELOOP {
            fd = openInRoot(path, UInt64(O_RDONLY | O_DIRECTORY))
            if fd >= 0 {
                if Self.isShallow(fd) { return fd }
                _ = Glibc.close(fd)
                throw Self.invalid("folders too deep")
            }
        }
        guard errno == ENOENT || errno == ENOTDIR else { throw Errno(call: "openat2 \(path)", code: errno) }
        return try makeDirectory(path, links: links)
    }

    /// readlink(2) on a descriptor's path fails or fills the buffer when the path is longer than it.
    private static func isShallow(_ fd: Int32) -> Bool {
        var buffer = [CChar](repeating: 0, count: depthLimit)
        let count = readlink("/proc/self/fd/\(fd)", &buffer, buffer.count)
        return count >= 0 && count < buffer.count
    }

    /// A missing folder is made, that which a dangling link stands for too; a file of this layer in its place is replaced.
    private func makeDirectory(_ path: PathBytes, links: Int) throws -> Int32 {
        let parts = path.components ?? []
        guard let name = parts.last else { throw Self.invalid("no such folder") }
        let folder = Array(parts.dropLast())
        let above = try openDirectory(.joining(folder), links: links)
        defer { _ = Glibc.close(above) }
        if name.withCString({ mkdirat(above, $0, 0o755) }) == 0 {
            return try describeImplied(above, name, path, isOpaque: false)
        }
        guard errno == EEXIST else { throw Errno(call: "mkdir \(path)", code: errno) }
        if let link = Self.link(above, name) {
            guard links < 40 else { throw Self.invalid("too many links at \"\(path)\"") }
            return try openDirectory(Self.follow(link, from: folder), links: links + 1)
        }
        let isOpaque = Self.isWhiteout(above, name)
        try check("unlinkat") { name.withCString { unlinkat(above, $0, 0) } }
        try check("mkdirat") { name.withCString { mkdirat(above, $0, 0o755) } }
        return try describeImplied(above, name, path, isOpaque: isOpaque)
    }

    private static func link(_ folder: Int32, _ name: PathBytes) -> PathBytes? {
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: 4096)
        defer { buffer.deallocate() }
        let count = name.withCString { readlinkat(folder, $0, buffer, 4096) }
        guard count > 0 else { return nil }
        return PathBytes(UnsafeBufferPointer(start: buffer, count: count).map { UInt8(bitPattern: $0) })
    }

    /// Where a link leads in a root of its own: `..` at the top stays at the top.
    private static func follow(_ link: PathBytes, from folder: [PathBytes]) -> PathBytes {
        var parts = link.bytes.first == UInt8(ascii: "/") ? [] : folder
        for part in link.bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(PathBytes(part)) }
        }
        return .joining(parts)
    }

    private func describeImplied(_ above: Int32, _ name: PathBytes, _ path: PathBytes, isOpaque: Bool) throws -> Int32 {
        impliedDirectories.insert(path)
        let fd = try check("openat") {
            name.withCString { openat(above, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        }
        // Whatever the umask of the daemon is.
        _ = fchmod(fd, 0o755)
        if isOpaque { try Self.makeOpaque(fd) }
        return fd
    }

    private func describeRoot(_ entry: TarEntry) throws {
        impliedDirectories.remove("")
        try check("fchown") { fchown(root, entry.uid, entry.gid) }
        try check("fchmod") { fchmod(root, mode_t(entry.mode)) }
        directoryTimes[""] = Self.times(entry)[0]
    }

    // MARK: whiteouts

    private func whiteout(_ name: PathBytes, _ whole: PathBytes) throws {
        if whole.bytes.elementsEqual(Whiteout.opaque.utf8) {
            if parentPath?.isEmpty == true { isRootOpaque = true }
            return try Self.makeOpaque(parent)
        }
        // Other names that start with ".wh..wh." are an old union file system's own book-keeping.
        if name.bytes.starts(with: Whiteout.prefix.utf8) { return }
        guard !name.isEmpty, name != ".", name != ".." else { throw Self.invalid("whiteout of nothing") }
        try hide(name, in: parent)
    }

    /// Hides what layers below have at the top: overlayfs does not look whether a root is opaque.
    func hideBelow(_ name: PathBytes) throws { try hide(name, in: root) }

    private func hide(_ name: PathBytes, in folder: Int32) throws {
        if name.withCString({ mknodat(folder, $0, S_IFCHR, 0) }) == 0 { return }
        guard errno == EEXIST else { throw Errno(call: "mknod \(name)", code: errno) }
        // This layer brings the name too: a file covers what is below anyway, a folder must not be merged with it.
        let fd = name.withCString { openat(folder, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        guard fd >= 0 else { return }
        defer { _ = Glibc.close(fd) }
        try Self.makeOpaque(fd)
    }

    private static func makeOpaque(_ folder: Int32) throws {
        let space = UserNamespace.isInitial ? "trusted" : "user"  // overlayfs's `userxattr` in a user namespace
        try check("setxattr") { fsetxattr(folder, space + ".overlay.opaque", "y", 1, 0) }
    }

    private static func isWhiteout(_ folder: Int32, _ name: PathBytes) -> Bool {
        var status = stat()
        guard name.withCString({ fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
    }

    // MARK: members

    private func create(_ entry: TarEntry, path: PathBytes) throws {
        let mode = mode_t(entry.mode)
        switch entry.kind {
        case .directory:
            try makeMember(entry, path)
        case .file:
            file = try newFile(path)
        case .symbolicLink:
            guard !entry.linkName.isEmpty, !entry.linkName.bytes.contains(0) else {
                throw Self.invalid("\"\(path)\" links to nothing")
            }
            try removeExisting()
            try check("symlinkat") {
                entry.linkName.withCString { target in leaf.withCString { symlinkat(target, parent, $0) } }
            }
            try describe(entry)
        case .hardLink: try link(entry, path: path)
        case .characterDevice, .blockDevice:
            try removeExisting()
            let device = gnu_dev_makedev(entry.deviceMajor, entry.deviceMinor)
            guard entry.kind == .blockDevice || device != 0 else {
                throw Self.invalid("\"\(entry.name)\" poses as a whiteout")
            }
            if !UserNamespace.isInitial { return }  // Nobody makes devices in a user namespace.
            try check("mknodat") {
                leaf.withCString {
                    mknodat(parent, $0, (entry.kind == .blockDevice ? S_IFBLK : S_IFCHR) | mode, device)
                }
            }
            try describe(entry)
        case .fifo:
            try removeExisting()
            try check("mknodat") { leaf.withCString { mknodat(parent, $0, S_IFIFO | mode, 0) } }
            try describe(entry)
        }
    }

    private func makeMember(_ entry: TarEntry, _ path: PathBytes) throws {
        let mode = mode_t(entry.mode)
        if leaf.withCString({ mkdirat(parent, $0, mode) }) != 0 {
            guard errno == EEXIST else { throw Errno(call: "mkdir \(path)", code: errno) }
            // A folder this layer deleted below and brings anew does not show the old one's content.
            let isOpaque = Self.isWhiteout(parent, leaf)
            try removeExisting(keepDirectory: true)
            if leaf.withCString({ mkdirat(parent, $0, mode) }) != 0, errno != EEXIST {
                throw Errno(call: "mkdir \(path)", code: errno)
            }
            if isOpaque {
                let fd = try check("openat") {
                    leaf.withCString { openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                }
                defer { _ = Glibc.close(fd) }
                try Self.makeOpaque(fd)
            }
        }
        directoryTimes[path] = Self.times(entry)[0]
        impliedDirectories.remove(path)
        try describe(entry)
    }

    private func newFile(_ path: PathBytes) throws -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        var fd = leaf.withCString { openat(parent, $0, flags, 0o600) }
        if fd < 0, errno == EEXIST {
            try removeExisting()
            fd = leaf.withCString { openat(parent, $0, flags, 0o600) }
        }
        guard fd >= 0 else { throw Errno(call: "open \(path)", code: errno) }
        return fd
    }

    private func link(_ entry: TarEntry, path: PathBytes) throws {
        let parts = try Self.parts(entry.linkName)
        guard let name = parts.last else { throw Self.invalid("hard link to nothing") }
        try removeExisting()
        let folder = openInRoot(.joining(parts.dropLast()), UInt64(O_PATH | O_DIRECTORY))
        defer { if folder >= 0 { _ = Glibc.close(folder) } }
        if folder >= 0 {
            guard !Self.isWhiteout(folder, name) else { throw Self.invalid("\"\(path)\" links to a deleted file") }
            if name.withCString({ name in leaf.withCString { linkat(folder, name, parent, $0, 0) } }) == 0 { return }
        }
        guard errno == ENOENT || errno == ENOTDIR else { throw Errno(call: "link \(path)", code: errno) }
        outsideLinks.append((path, .joining(parts)))
    }

    /// Owner, mode, attributes and (but for directories) times of what was just made at `leaf`.
    private func describe(_ entry: TarEntry) throws {
        try check("fchownat") { leaf.withCString { fchownat(parent, $0, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) } }
        if entry.kind != .symbolicLink {
            // Nobody else writes here, and `leaf` is no link: following is safe.
            try check("fchmodat") { leaf.withCString { fchmodat(parent, $0, mode_t(entry.mode), 0) } }
        }
        for (name, value) in entry.attributes where Self.isKept(name) {
            let path = PathBytes(Array("/proc/self/fd/\(parent)/".utf8) + leaf.bytes)
            if path.withCString({ lsetxattr($0, name, value, value.count, 0) }) != 0, errno != EOPNOTSUPP,
                errno != EPERM
            {
                throw Errno(call: "setxattr \(name)", code: errno)
            }
        }
        if entry.kind != .directory {
            let times = Self.times(entry)
            try check("utimensat") { leaf.withCString { utimensat(parent, $0, times, AT_SYMLINK_NOFOLLOW) } }
        }
    }

    /// A later member of a name replaces the earlier one; only directories are merged.
    private func removeExisting(keepDirectory: Bool = false) throws {
        var status = stat()
        guard leaf.withCString({ fstatat(parent, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            if keepDirectory { return }
            let child = try check("openat") {
                leaf.withCString { openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
            }
            Folder.removeEntries(child)
            _ = Glibc.close(child)
            try check("unlinkat") { leaf.withCString { unlinkat(parent, $0, AT_REMOVEDIR) } }
        } else {
            try check("unlinkat") { leaf.withCString { unlinkat(parent, $0, 0) } }
        }
    }
}
