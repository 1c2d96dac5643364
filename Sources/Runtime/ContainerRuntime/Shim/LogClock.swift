// SPDX-License-Identifier: Apache-2.0
// The times of a container's log lines: no two are the same.
package import Primitives

/// Gives each line of a log a later time than the one before, also to the lines of one read and when the wall clock
/// steps back, so that `--since` the time of one line selects just the lines from it on.
package struct LogClock {
    private var last = Timestamp.zero
    /// `2006-01-02T15:04:05.000000000Z`, rewritten in place.
    private var stamp: [UInt8] = []

    package init() {}

    /// Appends the next line's time: `now`, or the nanosecond after the line before if that is later.
    package mutating func append(_ now: Timestamp, to out: inout [UInt8]) {
        let next = max(now, last.adding(nanoseconds: 1))
        if stamp.isEmpty || next.seconds != last.seconds {
            stamp = Array(Timestamp(seconds: next.seconds).rfc3339NanoPadded.utf8)
        }
        last = next
        var rest = next.nanoseconds
        for place in (stamp.count - 10..<stamp.count - 1).reversed() {
            stamp[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        out.append(contentsOf: stamp)
    }
}
