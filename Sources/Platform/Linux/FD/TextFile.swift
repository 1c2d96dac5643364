// SPDX-License-Identifier: Apache-2.0
// Whole small files: the kernel's interfaces in /proc and /sys, and records written atomically.
package import Glibc

/// Reads and writes files of a few kilobytes.
package enum TextFile {
    /// The whole file; `limit` guards against files that never end.
    package static func bytes(_ path: String, limit: Int = 16 << 20) throws(Errno) -> [UInt8] {
        let file = try OwnedFD.open(path, O_RDONLY)
        return try bytes(of: file.raw, limit: limit)
    }

    package static func bytes(of fd: Int32, limit: Int = 16 << 20) throws(Errno) -> [UInt8] {
        var result: [UInt8] = []
        var status = stat()
        let size = fstat(fd, &status) == 0 ? Int(status.st_size) : 0
        var chunk = max(4096, min(size + 1, limit))
        while result.count < limit {
            let count = chunk
            var failure: Errno?
            var got = 0
            result += [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
                do throws(Errno) { got = try checkLength("read") { read(fd, buffer.baseAddress, count) } } catch {
                    failure = error
                }
                used = got
            }
            if let failure { throw failure }
            if got == 0 { return result }
            chunk = 4096
        }
        throw Errno(call: "read", code: EFBIG)
    }

    package static func text(_ path: String) throws(Errno) -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// One write(2) to an existing file, as the kernel's control files want it.
    package static func write(_ text: String, to path: String) throws(Errno) {
        let file = try OwnedFD.open(path, O_WRONLY)
        try write(text, to: file.raw, name: path)
    }

    package static func write(_ text: String, to fd: Int32, name: String) throws(Errno) {
        var text = text
        let written = text.withUTF8 { buffer in
            var result = Glibc.write(fd, buffer.baseAddress, buffer.count)
            while result < 0 && errno == EINTR { result = Glibc.write(fd, buffer.baseAddress, buffer.count) }
            return result
        }
        if written < 0 { throw Errno(call: "write \(name)") }
    }

    /// Replaces a file as a whole: readers see the old one or the new one.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws(Errno) {
        let temporary = "\(path).\(getpid()).tmp"
        let file = try OwnedFD.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        let raw = file.raw
        var offset = 0
        while offset < bytes.count {
            let start = offset
            offset += try checkLength("write") {
                bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress?.advanced(by: start), $0.count - start) }
            }
        }
        try check("rename") { rename(temporary, path) }
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// mkdir -p.
    package static func makeFolders(_ path: String, mode: mode_t = 0o755) throws(Errno) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw Errno(call: "mkdir \(path)")
        }
        try makeFolders(String(path[..<slash]), mode: mode)
        if mkdir(path, mode) != 0 && errno != EEXIST { throw Errno(call: "mkdir \(path)") }
    }
}
