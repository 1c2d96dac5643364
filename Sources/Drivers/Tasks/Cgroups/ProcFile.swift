// SPDX-License-Identifier: Apache-2.0
// Whole small files of /proc, /sys and cgroups; their sizes are not known beforehand.
import Glibc
import Linux

enum ProcFile {
    /// The bytes, or nil when the file is missing or vanishes while it is read (a process that ended).
    static func bytes(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var size = 4096
        while true {
            var count = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: size) { buffer, used in
                repeat { count = read(descriptor, buffer.baseAddress, size) } while count < 0 && errno == EINTR
                used = max(count, 0)
            }
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk)
            size = 65_536
        }
    }

    static func text(_ path: String) -> String? {
        bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The number in a file that holds just one; `max` and the like give nil.
    static func number(_ path: String) -> UInt64? {
        text(path).flatMap { UInt64($0.prefix { $0.isNumber }) }
    }

    /// Names in a folder, without `.` and `..`.
    static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
