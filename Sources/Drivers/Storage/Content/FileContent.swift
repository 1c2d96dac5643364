// SPDX-License-Identifier: Apache-2.0
// Reading and writing whole files.
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

extension FileContent {
    /// One read(2) into `buffer`; zero at the end of the file.
    static func read(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try checkLength("read") { Glibc.read(file, buffer.baseAddress, buffer.count) }
    }
}
