// SPDX-License-Identifier: Apache-2.0
// Moments in the user's time zone, in the layouts Go prints.
import Glibc
import Primitives

/// Calendar fields of a moment in the local zone.
enum LocalTime {
    private static func fields(_ seconds: Int64) -> tm {
        var time = time_t(seconds)
        var fields = tm()
        localtime_r(&time, &fields)
        return fields
    }

    private static func two(_ number: some BinaryInteger) -> String { (number < 10 ? "0" : "") + String(number) }

    private static func offset(_ seconds: Int, colon: Bool) -> String {
        let minutes = seconds.magnitude / 60
        return (seconds < 0 ? "-" : "+") + two(minutes / 60) + (colon ? ":" : "") + two(minutes % 60)
    }

    private static func date(_ fields: tm) -> String {
        var year = String(fields.tm_year + 1900)
        year = String(repeating: "0", count: max(0, 4 - year.count)) + year
        return "\(year)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))"
    }

    private static func clock(_ fields: tm) -> String {
        "\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec))"
    }

    /// `2006-01-02 15:04:05 +0000 UTC`
    static func goString(_ moment: Timestamp) -> String {
        let fields = fields(moment.seconds)
        var fraction = ""
        if moment.nanoseconds > 0 {
            fraction = String(moment.nanoseconds)
            fraction = "." + String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
            while fraction.hasSuffix("0") { fraction.removeLast() }
        }
        let zone = fields.tm_zone.map { String(cString: $0) } ?? "UTC"
        let name = zone == "GMT" ? "UTC" : zone
        return "\(date(fields)) \(clock(fields))\(fraction) \(offset(fields.tm_gmtoff, colon: false)) \(name)"
    }

    /// `2006-01-02T15:04:05Z07:00`, with nine digits of fraction when `nanoseconds` is wanted.
    static func rfc3339(_ moment: Timestamp, nanoseconds: Bool = false) -> String {
        let fields = fields(moment.seconds)
        var fraction = ""
        if nanoseconds {
            fraction = String(moment.nanoseconds)
            fraction = "." + String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        }
        let zone = fields.tm_gmtoff == 0 ? "Z" : offset(fields.tm_gmtoff, colon: true)
        return "\(date(fields))T\(clock(fields))\(fraction)\(zone)"
    }

    /// `Mon Jan  2 15:04:05 2006` (ANSI C) in UTC.
    static func ansiC(_ moment: Timestamp) -> String {
        var time = time_t(moment.seconds)
        var fields = tm()
        gmtime_r(&time, &fields)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = (fields.tm_mday < 10 ? " " : "") + String(fields.tm_mday)
        return
            "\(days[Int(fields.tm_wday)]) \(months[Int(fields.tm_mon)]) \(day) \(clock(fields)) \(fields.tm_year + 1900)"
    }
}
