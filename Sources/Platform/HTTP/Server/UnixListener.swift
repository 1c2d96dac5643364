// SPDX-License-Identifier: Apache-2.0
// The daemon's unix socket: its mode and owner are right before anybody can connect, and it is nobody else's.
import CLinux
import Glibc
import Linux
import Primitives

/// A unix socket in the file system that listens, and the identity of its file.
struct UnixListener {
    let descriptor: Int32
    let file: File

    /// Which file was made: another daemon may have put its own in place since.
    struct File: Sendable, Equatable {
        let path: String
        let device: dev_t
        let inode: ino_t
        /// Numbers of inodes are used again at once.
        let seconds: Int
        let nanoseconds: Int

        init(_ path: String) throws {
            var status = stat()
            try check("stat") { lstat(path, &status) }
            self.path = path
            (device, inode) = (status.st_dev, status.st_ino)
            (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        }

        func remove() {
            guard let now = try? File(path), now == self else { return }
            unlink(path)
        }
    }

    /// Mode 0660; `group` owns it when given. The caller owns the descriptor.
    static func open(_ path: String, group: UInt32?, backlog: Int32) throws -> UnixListener {
        guard path.utf8.count < 108 else {
            throw EngineError.invalidArgument("the socket's path is longer than 107 bytes: \(path)")
        }
        try context("can't create unix socket \(path)") { try removeStale(path) }
        return try context("can't create unix socket \(path)") {
            let raw = try make()
            do {
                return UnixListener(descriptor: raw, file: try publish(raw, path, group, backlog))
            } catch {
                close(raw)
                throw error
            }
        }
    }

    private static func publish(_ raw: Int32, _ path: String, _ group: UInt32?, _ backlog: Int32) throws -> File {
        // bind(2) gives the file the mode of the socket's own inode, less the umask: no moment in which others may connect,
        // and no process-wide umask.
        try check("fchmod") { fchmod(raw, 0o660) }
        try withAddress(path) { address, length in try check("bind") { apus_bind(raw, address, length) } }
        do {
            try check("chmod") { chmod(path, 0o660) }
            if let group { try check("chown") { chown(path, 0, group) } }
            try check("listen") { listen(raw, backlog) }
            return try File(path)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// A socket nobody listens on is a leftover of a killed daemon; one that answers belongs to somebody.
    private static func removeStale(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw EngineError.conflict("it exists and is not a socket")
        }
        let probe = OwnedFD(try make())
        let raw = probe.raw
        do {
            try withAddress(path) { address, length in try check("connect") { apus_connect(raw, address, length) } }
        } catch let error as Errno where error.code == ECONNREFUSED || error.code == ENOENT {
            unlink(path)
            return
        } catch let error as Errno where error.code != EAGAIN && error.code != EPROTOTYPE {
            throw error
        } catch {
            // Its queue is full or it is of another type: somebody is there all the same.
        }
        throw EngineError.conflict("another process is listening on it")
    }

    private static func make() throws -> Int32 {
        try check("socket") {
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        }
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws
    {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
