// SPDX-License-Identifier: Apache-2.0
// What a fresh tmpfs starts with (`tmpcopyup`), and the root change of hosts that cannot pivot (`--no-pivot`).
import CLinux
import Glibc
import Linux

/// Copies a folder's content into a mount that nobody sees yet: folders, files and links, with owners and modes.
enum CopyUp {
    static func copy(from source: borrowing OwnedFD, to mount: borrowing DetachedMount) throws {
        try copyFolder(source.raw, mount.fd.raw, depth: 0)
    }

    private static func copyFolder(_ source: Int32, _ target: Int32, depth: Int) throws {
        guard depth < 256 else { throw RuntimeError(.invalid, "tmpcopyup: folders are nested too deeply") }
        let fd = try check("open") { openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(fd) else { throw Errno(call: "fdopendir") }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            try doing("tmpcopyup \(name)") { try copyEntry(name, source, target, depth) }
        }
    }

    private static func copyEntry(_ name: String, _ source: Int32, _ target: Int32, _ depth: Int) throws {
        var status = stat()
        try check("fstatat") { fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) }
        let mode = status.st_mode & 0o7777
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            try check("mkdir") { mkdirat(target, name, 0o700) }
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let from = OwnedFD(try check("open") { openat(source, name, flags) })
            let to = OwnedFD(try check("open") { openat(target, name, flags) })
            try copyFolder(from.raw, to.raw, depth: depth + 1)
        case S_IFREG:
            let from = OwnedFD(try check("open") { openat(source, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) })
            let to = OwnedFD(
                try check("create") { openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
            let (input, output) = (from.raw, to.raw)
            while try checkLength("copy", { sendfile(output, input, nil, 1 << 20) }) > 0 {}
        case S_IFLNK:
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            try checkLength("readlink") { readlinkat(source, name, &buffer, Int(PATH_MAX)) }
            try check("symlink") { symlinkat(buffer, target, name) }
        default: return  // devices, sockets and fifos stay behind
        }
        try check("chown") { fchownat(target, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) }
        if status.st_mode & S_IFMT != S_IFLNK { try check("chmod") { fchmodat(target, name, mode, 0) } }
    }
}

extension RootFileSystem {
    /// Puts the root over the host's without pivot_root(2). The host's own /proc and /sys would stay reachable as full copies,
    /// with which a container could mount unmasked ones: they go first.
    func moveRoot() throws {
        let lines = try TextFile.text("/proc/self/mountinfo").split(separator: "\n")
        for line in lines {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), fields.count > dash + 1,
                fields[dash + 1] == "proc" || fields[dash + 1] == "sysfs"
            else { continue }
            let place = String(fields[4])
            if place.hasPrefix(plan.rootPath + "/") { continue }
            if umount2(place, 2) != 0, errno == EPERM || errno == EINVAL {
                // One that cannot be unmounted is covered.
                try check("mount tmpfs") { Glibc.mount("tmpfs", place, "tmpfs", 0, nil) }
            }
        }
        let fd = root.fd.raw
        try check("fchdir") { fchdir(fd) }
        try check("mount --move") { Glibc.mount(".", "/", nil, 8192, nil) }
    }
}
