// SPDX-License-Identifier: Apache-2.0
// What a log reader is asked for, and what it gives.
package import Primitives

/// One line of a log (or a piece of a long one), with its newline if it had one.
package struct LogEntry: Sendable, Equatable {
    package let timestamp: Timestamp
    package let isStderr: Bool
    package let bytes: [UInt8]
}

/// Consecutive entries in one buffer: few allocations however many lines.
package struct LogBatch: Sendable {
    package struct Line: Sendable {
        package let timestamp: Timestamp
        package let isStderr: Bool
        package let range: Range<Int>
    }

    package internal(set) var bytes: [UInt8] = []
    package internal(set) var lines: [Line] = []
}

/// Which part of a log is wanted.
package struct LogQuery: Sendable, Equatable {
    package var stdout = true
    package var stderr = true
    /// Only entries at or after this moment.
    package var since: Timestamp?
    /// Only entries at or before this moment.
    package var until: Timestamp?
    /// The last so many lines of the whole log, counted before the other conditions apply, as Docker does; nil: all.
    package var tail: Int?
    /// Each entry begins with its time, nine digits of fraction, and a space.
    package var timestamps = false

    package init() {}
}
