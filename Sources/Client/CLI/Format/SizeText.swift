// SPDX-License-Identifier: Apache-2.0
// Sizes and ages in the words of Docker's lists (go-units).
package import Primitives

/// Byte counts of lists.
package enum SizeText {
    package static func bytes(_ text: String) -> Int64? { try? ByteSize.parse(text) }

    /// `1.24MB`: three significant digits as `docker images` shows them.
    package static func short(_ bytes: Int64) -> String { ByteSize.human(bytes, precision: 3) }

    /// Four digits: `docker ps -s`, `docker system df`.
    package static func long(_ bytes: Int64) -> String { ByteSize.human(bytes, precision: 4) }
}

/// How long something took or is ago.
package enum HumanDuration {
    /// `About a minute`, `3 days`: go-units' HumanDuration of whole seconds.
    package static func text(seconds: Double) -> String {
        let whole = Int(seconds)
        let minutes = Int(seconds / 60)
        let hours = Int((seconds / 3600).rounded(.toNearestOrAwayFromZero))
        if whole < 1 { return "Less than a second" }
        if whole == 1 { return "1 second" }
        if whole < 60 { return "\(whole) seconds" }
        if minutes == 1 { return "About a minute" }
        if minutes < 60 { return "\(minutes) minutes" }
        if hours == 1 { return "About an hour" }
        if hours < 48 { return "\(hours) hours" }
        if hours < 24 * 7 * 2 { return "\(hours / 24) days" }
        if hours < 24 * 30 * 2 { return "\(hours / 24 / 7) weeks" }
        if hours < 24 * 365 * 2 { return "\(hours / 24 / 30) months" }
        return "\(Int(seconds / 3600) / 24 / 365) years"
    }

    /// `3 days ago`; empty for Go's zero time and for 0.
    package static func ago(_ moment: Timestamp, now: Timestamp) -> String {
        moment.isZero ? "" : text(seconds: now.secondsSince(moment)) + " ago"
    }
}

/// Binary units: `7.74GiB`.
enum SizeBinary {
    static func text(_ bytes: Int64) -> String { ByteSize.humanBinary(bytes, precision: 4) }
}
