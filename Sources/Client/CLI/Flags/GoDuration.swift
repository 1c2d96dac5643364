// SPDX-License-Identifier: Apache-2.0
// Go's durations, `1h2m3.5s`, read and printed.

/// Nanoseconds as Go writes them.
package enum GoDuration {
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// Nanoseconds of `300ms`, `-1.5h`, `0`; nil when malformed.
    package static func parse(_ text: String) -> Int64? {
        var rest = Substring(text)
        var sign = 1.0
        if rest.hasPrefix("-") || rest.hasPrefix("+") { sign = rest.removeFirst() == "-" ? -1 : 1 }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { ($0 >= "0" && $0 <= "9") || $0 == "." }
            guard let number = Double(digits.hasPrefix(".") ? "0" + digits : String(digits)) else { return nil }
            rest = rest.dropFirst(digits.count)
            let word = rest.prefix { $0 != "." && !($0 >= "0" && $0 <= "9") }
            guard let unit = units.first(where: { $0.0 == word }) else { return nil }
            rest = rest.dropFirst(word.count)
            total += number * unit.1
        }
        total *= sign
        guard total.magnitude < 9.2e18 else { return nil }
        return Int64(total.rounded())
    }

    /// `1m30s`, `1.5s`, `0s` as `time.Duration.String()`.
    package static func text(_ nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        func fraction(_ value: UInt64, _ scale: UInt64) -> String {
            let whole = value / scale
            var rest = String(value % scale)
            rest = String(repeating: "0", count: String(scale).utf8.count - 1 - rest.utf8.count) + rest
            while rest.hasSuffix("0") { rest.removeLast() }
            return rest.isEmpty ? String(whole) : "\(whole).\(rest)"
        }
        if magnitude < 1_000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return sign + fraction(magnitude, 1_000) + "µs" }
        if magnitude < 1_000_000_000 { return sign + fraction(magnitude, 1_000_000) + "ms" }
        let hours = magnitude / 3_600_000_000_000
        let minutes = magnitude / 60_000_000_000 % 60
        let seconds = fraction(magnitude % 60_000_000_000, 1_000_000_000) + "s"
        if hours > 0 { return "\(sign)\(hours)h\(minutes)m\(seconds)" }
        return minutes > 0 ? "\(sign)\(minutes)m\(seconds)" : sign + seconds
    }
}
