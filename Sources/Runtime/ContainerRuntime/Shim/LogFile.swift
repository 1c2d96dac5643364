// SPDX-License-Identifier: Apache-2.0
// The container's log on disk: batches appended with one write, rotation by rename.
import Glibc
import Linux

/// A json-file log. Rotated files are `path.1` (newest) to `path.<maxFile - 1>`.
final class LogFile {
    private let path: String
    private let maxSize: Int64
    private let maxFile: Int
    private var fd: Int32
    private var size: Int64
    private var buffer: [UInt8] = []
    private var clock = LogClock()

    init(path: String, maxSize: Int64, maxFile: Int) throws {
        self.path = path
        self.maxSize = maxSize
        self.maxFile = max(1, maxFile)
        fd = try Self.open(path)
        size = Int64(lseek(fd, 0, SEEK_END))
    }

    deinit { _ = close(fd) }

    private static func open(_ path: String) throws -> Int32 {
        try OwnedFD.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o640).release()
    }

    /// Encoders append here; `flush` writes.
    func encode(_ body: (inout LogClock, inout [UInt8]) -> Void) {
        body(&clock, &buffer)
        if buffer.count >= 256 * 1024 { flush() }
    }

    /// Writes what was encoded. A full disk loses lines, never the container.
    func flush() {
        guard !buffer.isEmpty else { return }
        if maxSize > 0 && size + Int64(buffer.count) > maxSize {
            writeRotating()
        } else {
            write(buffer[...])
        }
        buffer.removeAll(keepingCapacity: buffer.capacity <= 128 * 1024)
    }

    /// Goes line by line, so that a file ends with the line that crosses the limit.
    private func writeRotating() {
        var rest = buffer[...]
        while !rest.isEmpty {
            if size >= maxSize { rotate() }
            let room = Int(clamping: maxSize - size)
            var end = rest.endIndex
            if rest.count > room {
                let from = rest.startIndex + max(0, room - 1)
                end = rest[from...].firstIndex(of: 10).map { $0 + 1 } ?? rest.endIndex
            }
            write(rest[..<end])
            rest = rest[end...]
        }
    }

    private func rotate() {
        if maxFile == 1 {
            _ = ftruncate(fd, 0)
            size = 0
            return
        }
        for number in stride(from: maxFile - 1, to: 1, by: -1) {
            _ = rename("\(path).\(number - 1)", "\(path).\(number)")
        }
        _ = rename(path, "\(path).1")
        // Without a new file the old descriptor goes on, under its new name.
        guard let new = try? Self.open(path) else { return }
        _ = close(fd)
        fd = new
        size = 0
    }

    private func write(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                let count = Glibc.write(fd, raw.baseAddress?.advanced(by: offset), raw.count - offset)
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                offset += count
                size += Int64(count)
            }
        }
    }
}
