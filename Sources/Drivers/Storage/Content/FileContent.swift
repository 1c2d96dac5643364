// SPDX-License-Identifier: Apache-2.0
// Reading and writing whole files, and making and removing folders of the store's own.
import CLinux
import Glibc
import Linux
import Primitives

/// Bounded reads and complete writes.
enum FileContent {
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = try OwnedFD.open(path, O_RDONLY)
        var status = stat()
        let raw = file.raw
        try check("fstat") { fstat(raw, &status) }
        guard status.st_size <= limit else { throw EngineError.invalidArgument("larger than \(limit) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = try bytes.withUnsafeMutableBytes { buffer in
                try checkLength("read") {
                    Glibc.read(raw, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
                }
            }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    static func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = try checkLength("write") { Glibc.write(file, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

/// Folders whose paths are the store's own, never an image's.
enum Folder {
    static func make(_ path: String, mode: mode_t = 0o700) throws {
        if mkdir(path, mode) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                throw Errno(call: "mkdir \(path)", code: ENOENT)
            }
            try make(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) != 0, errno != EEXIST { throw Errno(call: "mkdir \(path)", code: errno) }
        default: throw Errno(call: "mkdir \(path)", code: errno)
        }
    }

    static func entries(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a tree without following links or crossing into mounts.
    static func removeTree(_ path: String) {
        let file = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if file >= 0 {
            removeEntries(file)
            _ = close(file)
        }
        if rmdir(path) != 0 { unlink(path) }
    }

    /// Empties the folder behind a descriptor.
    static func removeEntries(_ folder: Int32) {
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) + [0] }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            name.withUnsafeBytes { bytes in
                guard let text = bytes.bindMemory(to: CChar.self).baseAddress else { return }
                if unlinkat(folder, text, 0) == 0 { return }
                let child = openat(folder, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard child >= 0 else { return }
                removeEntries(child)
                _ = close(child)
                unlinkat(folder, text, AT_REMOVEDIR)
            }
        }
    }

    /// Bytes and entries below a folder, as the disk counts them (blocks of 512 bytes), links counted once.
    static func usage(_ path: String) -> Int64 {
        let file = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { _ = close(file) }
        var seen: Set<UInt64> = []
        return usage(file, &seen)
    }

    private static func usage(_ folder: Int32, _ seen: inout Set<UInt64>) -> Int64 {
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { return 0 }
        defer { closedir(stream) }
        var total: Int64 = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) + [0] }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            name.withUnsafeBytes { bytes in
                guard let text = bytes.bindMemory(to: CChar.self).baseAddress else { return }
                var status = stat()
                guard fstatat(folder, text, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
                if status.st_mode & S_IFMT == S_IFDIR {
                    let child = openat(folder, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                    guard child >= 0 else { return }
                    total += usage(child, &seen)
                    _ = close(child)
                } else if status.st_nlink < 2 || seen.insert(UInt64(status.st_ino)).inserted {
                    total += Int64(status.st_size)
                }
            }
        }
        return total
    }
}

extension FileContent {
    /// One read(2) into `buffer`; zero at the end of the file.
    static func read(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try checkLength("read") { Glibc.read(file, buffer.baseAddress, buffer.count) }
    }
}
