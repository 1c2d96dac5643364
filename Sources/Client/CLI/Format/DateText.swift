// SPDX-License-Identifier: Apache-2.0
// Dates of lists in the caller's time zone, as Go prints them.
import DockerClient
import Glibc
import Primitives

/// Local dates.
enum DateText {
    private static func parts(_ moment: Timestamp) -> (date: String, offset: String, zone: String, weekday: Int) {
        var seconds = time_t(moment.seconds)
        var local = tm()
        localtime_r(&seconds, &local)
        func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + String(value) }
        let date = "\(local.tm_year + 1900)-\(two(local.tm_mon + 1))-\(two(local.tm_mday))"
        let clock = "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec))"
        let minutes = Int32(local.tm_gmtoff / 60)
        let offset = (minutes < 0 ? "-" : "+") + two(abs(minutes) / 60) + ":" + two(abs(minutes) % 60)
        return (date + "T" + clock, offset, local.tm_zone.map { String(cString: $0) } ?? "UTC", Int(local.tm_wday))
    }

    /// `2026-11-21 07:50:36 +0000 UTC`
    static func go(_ moment: Timestamp) -> String {
        let parts = parts(moment)
        return Text.replacing(parts.date, "T", with: " ") + " " + Text.replacing(parts.offset, ":", with: "") + " " + parts.zone
    }

    /// `2026-11-21T07:50:36Z`, with the offset where there is one.
    static func rfc3339(_ moment: Timestamp) -> String {
        let parts = parts(moment)
        return parts.date + (parts.offset == "+00:00" ? "Z" : parts.offset)
    }

    /// RFC 3339 with nine digits of a second, as `docker events` prints.
    static func rfc3339Nano(_ moment: Timestamp) -> String {
        let parts = parts(moment)
        let digits = String(moment.nanoseconds)
        return parts.date + "." + String(repeating: "0", count: 9 - digits.utf8.count) + digits + parts.offset
    }

    /// `Sat Nov 21 07:50:36 2026`
    static func ansic(_ text: String) -> String {
        guard let moment = Timestamp(rfc3339: text) else { return text }
        let parts = parts(moment)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let pieces = Text.split(Text.replacing(parts.date, "T", with: "-"), "-")
        guard pieces.count == 4, let month = Int(pieces[1]), let day = Int(pieces[2]) else { return text }
        return "\(days[parts.weekday]) \(months[month - 1]) \(day < 10 ? " " : "")\(day) \(pieces[3]) \(pieces[0])"
    }

    /// `--since 10m`, a date or Unix seconds, as the API wants it.
    static func unix(_ text: String, now: Timestamp = .now()) -> String {
        if text.isEmpty { return "" }
        func joined(_ moment: Timestamp) -> String {
            let digits = String(moment.nanoseconds)
            return "\(moment.seconds)." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
        }
        if let duration = GoDuration.parse(text), text.last?.isLetter == true { return joined(now.adding(nanoseconds: -duration)) }
        if let exact = Timestamp(rfc3339: text) { return joined(exact) }
        let number = Text.split(text, "-")
        guard number.count >= 3 else { return text }
        // Local time without a zone, perhaps without a clock.
        let halves = Text.split(text, "T")
        let date = Text.split(halves[0], "-").compactMap { Int32($0) }
        let clock = halves.count > 1 ? Text.split(halves[1], ":").compactMap { Double($0) } : []
        guard date.count == 3 else { return text }
        var local = tm()
        local.tm_year = date[0] - 1900
        local.tm_mon = date[1] - 1
        local.tm_mday = date[2]
        local.tm_hour = clock.count > 0 ? Int32(clock[0]) : 0
        local.tm_min = clock.count > 1 ? Int32(clock[1]) : 0
        local.tm_sec = clock.count > 2 ? Int32(clock[2]) : 0
        local.tm_isdst = -1
        return joined(Timestamp(seconds: Int64(mktime(&local))))
    }
}
