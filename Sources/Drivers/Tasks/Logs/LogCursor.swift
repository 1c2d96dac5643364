// SPDX-License-Identifier: Apache-2.0
// Where a reader is in a log of several files: oldest first, and from the current file on to the one that replaces it.
import CLinux
import Glibc
import Linux
import Primitives

/// Walks the files in order. Synchronous; runs on a thread where blocking is allowed.
struct LogCursor: ~Copyable {
    private let path: String
    private let query: LogQuery
    private var isOpened = false
    /// Rotated files still to be read, the next one last, opened beforehand so that rotation cannot take them away.
    private var older: [OpenFile] = []
    private var current: OpenFile?

    /// A box, since arrays hold no noncopyable values.
    private final class OpenFile {
        var file: LogFile
        init(_ file: consuming LogFile) { self.file = file }
    }

    init(path: String, query: LogQuery) {
        self.path = path
        self.query = query
    }

    /// Entries up to a block's worth. None and `finished` false: nothing more at the moment.
    mutating func next() throws -> (batch: LogBatch, finished: Bool) {
        if !isOpened {
            isOpened = true
            try openAll()
        }
        var batch = LogBatch()
        var passedEnd = false
        while true {
            if current == nil { current = try older.popLast() ?? Self.openFile(path) }
            guard let reading = current else { return (batch, false) }
            reading.file.restartIfTruncated()
            while try reading.file.read(into: &batch, matching: query, passedEnd: &passedEnd) {
                if passedEnd { return (batch, batch.lines.isEmpty) }
                if !batch.lines.isEmpty { return (batch, false) }
            }
            // At the end of this file: go on to the next one, if this is not the file now being written.
            if !older.isEmpty {
                current = nil
            } else if let next = try successor(of: reading.file.inode) {
                // What was written between our last read and the rotation.
                if try reading.file.read(into: &batch, matching: query, passedEnd: &passedEnd) {
                    if passedEnd { return (batch, batch.lines.isEmpty) }
                    if !batch.lines.isEmpty { return (batch, false) }
                    continue
                }
                older = next
                current = nil
            } else {
                return (batch, false)
            }
        }
    }

    /// Opens all files, newest first, and places the tail: whole files that it does not reach are left out.
    private mutating func openAll() throws {
        var files: [OpenFile] = []
        if let newest = try Self.openFile(path) { files.append(newest) }
        var number = 1
        while let rotated = try Self.openFile("\(path).\(number)") {
            // A rotation while we open shows a file under two names.
            if !files.contains(where: { $0.file.inode == rotated.file.inode }) { files.append(rotated) }
            number += 1
        }
        if let tail = query.tail, tail >= 0 {
            var wanted = tail
            var kept: [OpenFile] = []
            for entry in files {
                let (lines, offset) = try entry.file.tail(wanted)
                entry.file.seek(to: offset)
                kept.append(entry)
                wanted -= lines
                if wanted <= 0 { break }
            }
            files = kept
        }
        older = files
    }

    /// The files newer than the one read so far, next one last; nil while that one is still the log.
    private func successor(of inode: UInt64) throws -> [OpenFile]? {
        guard let newest = try Self.openFile(path), newest.file.inode != inode else { return nil }
        var files = [newest]
        var number = 1
        // More than one rotation may have happened; a file that has been deleted meanwhile is lost to a slow reader.
        while let rotated = try Self.openFile("\(path).\(number)"), rotated.file.inode != inode {
            files.append(rotated)
            number += 1
        }
        let foundOurs = (try Self.openFile("\(path).\(number)"))?.file.inode == inode
        return foundOurs ? files : [newest]
    }

    private static func openFile(_ path: String) throws(Errno) -> OpenFile? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            guard errno == ENOENT else { throw Errno(call: "open \(path)") }
            return nil
        }
        return OpenFile(try LogFile(OwnedFD(descriptor)))
    }
}
