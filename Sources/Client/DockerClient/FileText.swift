// SPDX-License-Identifier: Apache-2.0
// Small files of the configuration, read whole and bounded.
import Glibc

/// Reads a file that a person wrote.
package enum FileText {
    /// The bytes of `path`; nil with `errno` set when it cannot be read or is larger than `limit`.
    package static func bytes(_ path: String, limit: Int = 64 << 20) -> [UInt8]? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(fd, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if count == 0 { return result }
            result.append(contentsOf: chunk[..<count])
            if result.count > limit {
                errno = EFBIG
                return nil
            }
        }
    }
}
