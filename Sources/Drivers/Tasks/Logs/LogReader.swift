// SPDX-License-Identifier: Apache-2.0
// Reading a container's json-file log: the part that is there, then what is added, over rotations.
import AsyncSystem
import Primitives
import Synchronization

/// A pull reader. Memory stays bounded by one block of the file, however slow the caller is. One caller at a time.
package final class LogReader: Sendable {
    private let query: LogQuery
    private let follow: LogFollower?
    private let cursor: Mutex<LogCursor>
    private let isClosed = Atomic(false)

    /// `path` is the log's; rotated files beside it (`path.1`, the newest, `path.2` …) are read as its older part.
    /// With `ended` the reader follows the log and finishes once `ended` has returned and everything is read.
    package init(path: String, query: LogQuery, followUntil ended: (@Sendable () async -> Void)? = nil) throws {
        self.query = query
        // Watching begins before reading, so that nothing falls in between.
        follow = try ended.map { try LogFollower(path: path, until: query.until, ended: $0) }
        cursor = Mutex(LogCursor(path: path, query: query))
    }

    /// The next entries, at least one; nil at the end or after `close`.
    package func nextBatch() async throws -> LogBatch? {
        while !isClosed.load(ordering: .acquiring) {
            // Asked before reading: what is written before the container's end is read after it.
            let isLast = follow?.hasEnded ?? true
            let (batch, isFinished) = try await Blocking.run { try self.cursor.withLock { try $0.next() } }
            if !batch.lines.isEmpty { return batch }
            if isFinished || isLast { return nil }
            try await follow?.wait()
        }
        return nil
    }

    /// Ends reading; a suspended `nextBatch` gives nil.
    package func close() {
        isClosed.store(true, ordering: .releasing)
        follow?.close()
    }

    deinit { follow?.close() }
}

extension LogBatch {
    /// The entries as values of their own.
    package var entries: [LogEntry] {
        lines.map { LogEntry(timestamp: $0.timestamp, isStderr: $0.isStderr, bytes: Array(bytes[$0.range])) }
    }
}
