// SPDX-License-Identifier: Apache-2.0
// A container's root folder: every path below it is resolved as the container would see it, and never leaves it.
import CLinux
import Glibc

/// Opens and makes files below a root with openat2(2) and RESOLVE_IN_ROOT: absolute links and `..` stay inside.
package struct GuestRoot: ~Copyable {
    /// The root folder (O_PATH).
    package let fd: OwnedFD

    package init(_ fd: consuming OwnedFD) { self.fd = fd }

    package init(path: String) throws(Errno) {
        fd = try OwnedFD.open(path, O_PATH | O_DIRECTORY)
    }

    private static let inRoot: UInt64 = 0x10  // RESOLVE_IN_ROOT, which refuses magic links as well
    private static let noMagicLinks: UInt64 = 0x02

    package borrowing func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(Errno) -> OwnedFD {
        try Self.open(path, below: fd.raw, flags, mode: mode)
    }

    private static func open(_ path: String, below root: Int32, _ flags: Int32, mode: UInt32 = 0) throws(Errno)
        -> OwnedFD
    {
        var attempts = 0
        while true {
            let result = apus_openat2(
                root, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode), inRoot | noMagicLinks)
            if result >= 0 { return OwnedFD(result) }
            let code = errno
            attempts += 1
            // EAGAIN: a rename raced with the resolution of "..".
            if code == EINTR || (code == EAGAIN && attempts < 100) { continue }
            throw Errno(call: "open \(path)", code: code)
        }
    }

    /// Opens a path (O_PATH), or nil when it is not there.
    package borrowing func find(_ path: String) throws(Errno) -> OwnedFD? {
        do throws(Errno) {
            return try open(path, O_PATH)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw error
        }
    }

    /// Opens a folder (O_PATH), making it and missing parents. Existing links are followed inside the root.
    package borrowing func folder(_ path: String, mode: UInt32 = 0o755) throws(Errno) -> OwnedFD {
        try Self.folder(path, below: fd.raw, mode: mode)
    }

    private static func folder(_ path: String, below root: Int32, mode: UInt32, links: Int = 0) throws(Errno) -> OwnedFD
    {
        do throws(Errno) {
            return try open(path, below: root, O_PATH | O_DIRECTORY)
        } catch {
            guard error.code == ENOENT, let (parent, name) = split(path) else { throw error }
            let above = try folder(parent, below: root, mode: mode, links: links)
            if mkdirat(above.raw, name, mode) < 0 {
                guard errno == EEXIST else { throw Errno(call: "mkdir \(path)") }
                if let target = try target(of: name, in: above.raw, parent, links) {
                    return try folder(target, below: root, mode: mode, links: links + 1)
                }
            }
            return try open(path, below: root, O_PATH | O_DIRECTORY)
        }
    }

    /// Where a link leads that leads nowhere yet, as the container sees it; nil for anything but a link.
    private static func target(of name: String, in folder: Int32, _ parent: String, _ links: Int) throws(Errno)
        -> String?
    {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlinkat(folder, name, $0, bytes.count) } ?? -1
        }
        guard count > 0 else { return nil }
        guard links < 40 else { throw Errno(call: "open \(parent)/\(name)", code: ELOOP) }
        let target = String(decoding: buffer.prefix(count), as: UTF8.self)
        return target.hasPrefix("/") ? target : parent + "/" + target
    }

    /// Opens a file (O_PATH), making an empty one and its parents when missing: a place to mount a file on.
    package borrowing func file(_ path: String) throws(Errno) -> OwnedFD {
        try file(path, links: 0)
    }

    private borrowing func file(_ path: String, links: Int) throws(Errno) -> OwnedFD {
        if let found = try find(path) { return found }
        guard let (parent, name) = Self.split(path) else { throw Errno(call: "open \(path)", code: EISDIR) }
        let above = try folder(parent)
        let made = openat(above.raw, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o755)
        if made >= 0 {
            _ = close(made)
        } else {
            guard errno == EEXIST else { throw Errno(call: "create \(path)") }
            if let target = try Self.target(of: name, in: above.raw, parent, links) {
                return try file(target, links: links + 1)
            }
        }
        return try open(path, O_PATH)
    }

    /// The parent folder and the last component, for calls that act on a name.
    package borrowing func withParent(of path: String, _ body: (Int32, String) throws -> Void) throws {
        guard let (parent, name) = Self.split(path) else { throw Errno(call: "open \(path)", code: EINVAL) }
        let folder = try folder(parent)
        try body(folder.raw, name)
    }

    /// `/a/b/` → (`/a`, `b`); nil for the root itself and for a last component of dots.
    package static func split(_ path: String) -> (String, String)? {
        let parts = path.split(separator: "/")
        guard let last = parts.last, last != ".", last != ".." else { return nil }
        return ("/" + parts.dropLast().joined(separator: "/"), String(last))
    }
}
