// SPDX-License-Identifier: Apache-2.0
// The few file operations of the engine itself: folders and small files below the data root. Guest paths never come here.
import AsyncSystem
import Glibc
import Linux
import Primitives

/// Blocking calls, each on a pool thread.
enum Files {
    static func exists(_ path: String) async throws -> Bool {
        try await Blocking.run { access(path, F_OK) == 0 }
    }

    /// With its parents.
    static func makeFolder(_ path: String, mode: mode_t = 0o710) async throws {
        try await Blocking.run { try makeFolderNow(path, mode: mode) }
    }

    static func give(_ path: String, user: uid_t, group: gid_t) async throws {
        try await Blocking.run { _ = try check("chown") { chown(path, user, group) } }
    }

    static func makeFolderNow(_ path: String, mode: mode_t = 0o710) throws {
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            if mkdir(current, mode) != 0, errno != EEXIST { throw Errno(call: "mkdir \(current)", code: errno) }
        }
    }

    /// Writes whole files in place: they are bound into containers, so their inodes stay.
    static func write(_ files: [(path: String, text: String)]) async throws {
        try await Blocking.run {
            for (path, text) in files { try writeNow(path, text) }
        }
    }

    static func writeNow(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
        let file = OwnedFD(
            try check("open") { open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode) })
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { Glibc.write(file.raw, $0 + offset, buffer.count - offset) } ?? 0
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(call: "write \(path)", code: errno)
            }
            offset += count
        }
    }

    /// A small file's text; nil when it is not there.
    static func readNow(_ path: String, limit: Int = 1 << 20) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        let file = OwnedFD(descriptor)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < limit {
            let count = Glibc.read(file.raw, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Removes a folder with everything in it; nothing there is fine.
    static func deleteTree(_ path: String) async throws { try await Blocking.run { try deleteTreeNow(path) } }

    /// Removes what is in a folder.
    static func emptyFolder(_ path: String) async throws {
        try await Blocking.run {
            try deleteTreeNow(path)
            try makeFolderNow(path, mode: 0o700)
        }
    }

    /// The same in an undo step, where nobody could act on a failure.
    static func removeTree(_ path: String) async { try? await deleteTree(path) }

    private static func deleteTreeNow(_ path: String) throws {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return }
            if errno == ENOTDIR, unlink(path) == 0 { return }
            throw Errno(call: "opendir \(path)", code: errno)
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            let child = path + "/" + name
            if entry.pointee.d_type == UInt8(DT_DIR) {
                try deleteTreeNow(child)
            } else if unlink(child) != 0, errno != ENOENT {
                throw Errno(call: "unlink \(child)", code: errno)
            }
        }
        if rmdir(path) != 0, errno != ENOENT { throw Errno(call: "rmdir \(path)", code: errno) }
    }

    static func hostname() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
