// SPDX-License-Identifier: Apache-2.0
// One file of a log, read forward line by line with bounded memory, and backward by blocks to find where the tail
// begins.
import Glibc
import Linux
import Primitives

/// An open log file. It stays readable whatever name rotation gives it.
struct LogFile: ~Copyable {
    static let blockSize = 256 * 1024
    /// The shim splits at 16 KiB, at most six bytes of JSON each; longer lines are other people's and are passed over.
    static let maximumLine = 4 << 20

    let descriptor: OwnedFD
    let inode: UInt64
    private(set) var position: Int64 = 0
    /// Bytes read and not yet taken as lines: a line that is incomplete so far.
    private var rest: [UInt8] = []

    init(_ descriptor: consuming OwnedFD) throws(Errno) {
        var status = stat()
        let raw = descriptor.raw
        try check("fstat") { fstat(raw, &status) }
        inode = UInt64(status.st_ino)
        self.descriptor = descriptor
    }

    /// Reads one block and appends the entries that fit `query`. False when nothing new was there.
    mutating func read(into batch: inout LogBatch, matching query: LogQuery, passedEnd: inout Bool) throws(Errno)
        -> Bool
    {
        let raw = descriptor.raw
        let at = position
        let old = rest.count
        var failure: Errno?
        var count = 0
        rest.append(
            contentsOf: [UInt8](unsafeUninitializedCapacity: Self.blockSize) { buffer, used in
                do throws(Errno) {
                    count = try checkLength("pread") { pread(raw, buffer.baseAddress, buffer.count, Int(at)) }
                } catch {
                    failure = error
                }
                used = count
            })
        if let failure { throw failure }
        if count == 0 { return false }
        position += Int64(count)
        var consumed = 0
        rest.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var search = old
            while search < bytes.count, let found = memchr(base + search, 10, bytes.count - search) {
                let end = UnsafeRawPointer(found) - base
                batch.append(UnsafeRawBufferPointer(rebasing: bytes[consumed..<end]), query, &passedEnd)
                consumed = end + 1
                search = consumed
                if passedEnd { break }
            }
        }
        if consumed > 0 {
            rest.removeFirst(consumed)
        } else if rest.count > Self.maximumLine {
            // Keep only that the line is too long: its end will not parse, and is passed over.
            rest = [0]
        }
        return true
    }

    /// How many lines the file has, at most `limit` counted from its end, and the offset where the last `limit` begin.
    borrowing func tail(_ limit: Int) throws(Errno) -> (lines: Int, offset: Int64) {
        let raw = descriptor.raw
        var status = stat()
        try check("fstat") { fstat(raw, &status) }
        let size = Int64(status.st_size)
        if limit == 0 { return (0, size) }
        var block = [UInt8](repeating: 0, count: Self.blockSize)
        var end = size
        var lines = 0
        while end > 0 {
            let start = max(0, end - Int64(block.count))
            let length = Int(end - start)
            let count = try checkLength("pread") { pread(raw, &block, length, Int(start)) }
            guard count == length else { break }
            var index = length
            while index > 0 {
                let found = block.withUnsafeBytes { bytes in
                    bytes.baseAddress.flatMap { base in
                        memrchr(base, 10, index).map { UnsafeRawPointer($0) - base }
                    }
                }
                guard let found else { break }
                // The newline that ends the last line begins nothing; an incomplete last line is not counted.
                if lines == limit { return (lines, start + Int64(found) + 1) }
                lines += 1
                index = found
            }
            end = start
        }
        return (lines, 0)
    }

    mutating func seek(to offset: Int64) {
        position = offset
        rest = []
    }

    /// The file has shrunk below what was read: somebody emptied it. Reading begins anew.
    mutating func restartIfTruncated() {
        var status = stat()
        if fstat(descriptor.raw, &status) == 0, Int64(status.st_size) < position { seek(to: 0) }
    }
}

extension LogBatch {
    /// Parses one line and keeps it if it fits. `passedEnd` tells that it lies beyond `until`.
    fileprivate mutating func append(_ line: UnsafeRawBufferPointer, _ query: LogQuery, _ passedEnd: inout Bool) {
        if line.isEmpty { return }
        let start = bytes.count
        if query.timestamps { bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 31)) }
        var parsed = LogLine()
        guard LogLine.parse(line, text: &bytes, into: &parsed) else {
            bytes.removeLast(bytes.count - start)
            return
        }
        if let until = query.until, parsed.timestamp > until { passedEnd = true }
        let isWanted =
            (parsed.isStderr ? query.stderr : query.stdout) && !passedEnd
            && (query.since.map { parsed.timestamp >= $0 } ?? true)
        guard isWanted else {
            bytes.removeLast(bytes.count - start)
            return
        }
        if query.timestamps {
            var index = start
            for byte in parsed.timestamp.rfc3339NanoPadded.utf8.prefix(30) {
                bytes[index] = byte
                index += 1
            }
        }
        lines.append(Line(timestamp: parsed.timestamp, isStderr: parsed.isStderr, range: start..<bytes.count))
    }
}
