// SPDX-License-Identifier: Apache-2.0
// Moments as clients write them in `since`, `until` and prune filters.
package import Primitives

/// `1690000000`, `1690000000.123456789`, `2026-01-02T15:04:05Z`, `2026-01-02`, `10m`, `1h30m` (that long ago).
package enum TimeFilter {
    package static func parse(_ text: String, now: Timestamp = .now()) throws(EngineError) -> Timestamp {
        if let time = unix(text) ?? calendar(text) { return time }
        if let span = duration(text) { return now.adding(nanoseconds: -span) }
        throw .invalidArgument("failed to parse value as time or duration: \"\(text)\"")
    }

    private static func unix(_ text: String) -> Timestamp? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = Int64(parts[0]) else { return nil }
        guard parts.count == 2 else { return Timestamp(seconds: seconds) }
        let digits = parts[1].prefix(9)
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let fraction = Int32(digits.isEmpty ? "0" : digits)
        else {
            return nil
        }
        var scaled = fraction
        for _ in digits.count..<9 { scaled *= 10 }
        return Timestamp(seconds: seconds, nanoseconds: scaled)
    }

    private static func calendar(_ text: String) -> Timestamp? {
        if let time = Timestamp(rfc3339: text) { return time }
        // Shorter forms that Docker takes, as UTC: the daemon's machine is a server.
        for tail in ["Z", ":00Z", ":00:00Z", "T00:00:00Z"] {
            if let time = Timestamp(rfc3339: text + tail) { return time }
        }
        return nil
    }

    /// Nanoseconds of a Go duration.
    static func duration(_ text: String) -> Int64? {
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        var rest = Substring(text)
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            guard let unit = units.first(where: { $0.0 == name }) else { return nil }
            rest = rest.dropFirst(name.count)
            total += number * unit.1
        }
        return total < 9e18 ? Int64(total) : nil
    }
}
