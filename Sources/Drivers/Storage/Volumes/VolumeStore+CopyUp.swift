// SPDX-License-Identifier: Apache-2.0
// Filling an empty volume with what an image has at the place where it is mounted.
import CLinux
import Glibc
import Linux
import Primitives

extension VolumeStore {
    /// Copies the folder `path` of an image (layers topmost first) into a volume that is empty; nothing otherwise.
    /// Blocks for as long as the copy takes.
    package func copyUp(into name: String, from layers: [String], path: String, staging: String) throws {
        guard let volume = try get(name) else { throw Self.missing(name) }
        guard Folder.entries(volume.mountpoint).isEmpty else { return }
        guard let first = layers.first else { return }
        do {
            if layers.count == 1 {
                try copy(GuestRoot(path: first), path, to: volume.mountpoint)
            } else {
                // A view of the layers that is mounted nowhere, and ends with its descriptor.
                let view = try DetachedMount.overlay(
                    layers: layers, upper: nil, work: nil, attributes: .readonly, staging: staging)
                try copy(GuestRoot(try view.fd.duplicate()), path, to: volume.mountpoint)
            }
        } catch {
            // Half of it would be taken for the user's own at the next try.
            Folder.empty(volume.mountpoint)
            throw error
        }
    }

    private func copy(_ root: consuming GuestRoot, _ path: String, to target: String) throws {
        guard let found = try root.find(path) else { return }
        var status = stat()
        let place = found.raw
        try check("fstat") { fstat(place, &status) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return }
        let source = OwnedFD(
            try check("openat") { openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        let destination = try OwnedFD.open(target, O_RDONLY | O_DIRECTORY)
        try TreeCopy.folder(source.raw, to: destination.raw)
    }
}

/// Copies what is below one directory descriptor to below another, with owners, modes, times and capabilities.
enum TreeCopy {
    static func folder(_ source: Int32, to target: Int32) throws {
        let copy = try check("openat") { openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(copy) else {
            _ = close(copy)
            throw Errno(call: "fdopendir", code: errno)
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                Array(bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }) + [0]
            }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            try copyEntry(name, from: source, to: target)
        }
        var status = stat()
        try check("fstat") { fstat(source, &status) }
        try check("fchown") { fchown(target, status.st_uid, status.st_gid) }
        try check("fchmod") { fchmod(target, status.st_mode & 0o7777) }
        var times = [status.st_atim, status.st_mtim]
        try check("futimens") { futimens(target, &times) }
    }

    private static func copyEntry(_ name: [CChar], from source: Int32, to target: Int32) throws {
        var status = stat()
        try check("fstatat") { fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            try check("mkdirat") { mkdirat(target, name, 0o700) }
            let below = OwnedFD(
                try check("openat") { openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) })
            let made = OwnedFD(
                try check("openat") { openat(target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) })
            try folder(below.raw, to: made.raw)
            return
        case S_IFREG:
            try copyFile(name, status, from: source, to: target)
            return
        case S_IFLNK:
            var link = [CChar](repeating: 0, count: 4097)
            let capacity = link.count - 1
            try checkLength("readlinkat") { readlinkat(source, name, &link, capacity) }
            try check("symlinkat") { symlinkat(link, target, name) }
        default:
            try check("mknodat") { mknodat(target, name, status.st_mode, status.st_rdev) }
        }
        try check("fchownat") { fchownat(target, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) }
        var times = [status.st_atim, status.st_mtim]
        try check("utimensat") { utimensat(target, name, &times, AT_SYMLINK_NOFOLLOW) }
    }

    private static func copyFile(_ name: [CChar], _ status: stat, from source: Int32, to target: Int32) throws {
        let input = OwnedFD(try check("openat") { openat(source, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) })
        let output = OwnedFD(
            try check("openat") { openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
        let (reader, writer) = (input.raw, output.raw)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try checkLength("read") { read(reader, buffer.baseAddress, buffer.count) }
            if count == 0 { break }
            try FileContent.writeAll(writer, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try check("fchown") { fchown(writer, status.st_uid, status.st_gid) }
        try check("fchmod") { fchmod(writer, status.st_mode & 0o7777) }
        // After chown, which takes the capability away (capabilities(7)).
        var capability = [UInt8](repeating: 0, count: 64)
        let length = fgetxattr(reader, "security.capability", &capability, capability.count)
        if length > 0 { _ = fsetxattr(writer, "security.capability", capability, length, 0) }
        var times = [status.st_atim, status.st_mtim]
        try check("futimens") { futimens(writer, &times) }
    }
}
