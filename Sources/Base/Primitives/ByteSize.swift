// SPDX-License-Identifier: Apache-2.0
// Sizes as people write and read them: `64m`, `1.5GiB`, `187MB`.

/// Reading and printing byte counts the way Docker's users know.
package enum ByteSize {
    /// Reads `64m`, `1.5g`, `10MB`, `1GiB`, `1024`: every suffix is binary, as for `--memory` (go-units `RAMInBytes`).
    package static func parse(_ text: String) throws(EngineError) -> Int64 {
        let trimmed = text.filter { $0 != " " }
        let digits = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = trimmed.dropFirst(digits.count).lowercased()
        guard let number = Double(digits), number >= 0 else { throw .invalidArgument("invalid size: '\(text)'") }
        guard let shift = shifts[suffix] else { throw .invalidArgument("invalid suffix: '\(suffix)'") }
        let bytes = number * Double(Int64(1) << shift)
        guard bytes < Double(Int64.max) else { throw .invalidArgument("invalid size: '\(text)'") }
        return Int64(bytes)
    }

    private static let shifts: [String: Int64] = [
        "": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30, "gib": 30,
        "t": 40, "tb": 40, "tib": 40, "p": 50, "pb": 50, "pib": 50,
    ]

    /// `1.24MB`: decimal units with up to four significant digits (go-units `HumanSize`).
    package static func human(_ bytes: Int64, precision: Int = 4) -> String {
        scaled(Double(bytes), base: 1000, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"], precision: precision)
    }

    /// `1.18MiB`: binary units (go-units `BytesSize`).
    package static func humanBinary(_ bytes: Int64, precision: Int = 4) -> String {
        scaled(Double(bytes), base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], precision: precision)
    }

    private static func scaled(_ value: Double, base: Double, units: [String], precision: Int) -> String {
        var value = value
        var unit = 0
        while value >= base, unit < units.count - 1 {
            value /= base
            unit += 1
        }
        return significant(value, precision) + units[unit]
    }

    /// `%.Ng` without an exponent, for 0 <= value < 1024.
    private static func significant(_ value: Double, _ digits: Int) -> String {
        if value == 0 { return "0" }
        var integerDigits = 1
        var power = 10.0
        while value >= power {
            integerDigits += 1
            power *= 10
        }
        var decimals = max(0, digits - integerDigits)
        if value < 1 {
            var fraction = value
            while fraction < 0.1 {
                decimals += 1
                fraction *= 10
            }
            decimals += 1
        }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let rounded = Int64((value * scale).rounded(.toNearestOrEven))
        let whole = rounded / Int64(scale)
        var fraction = String(rounded % Int64(scale))
        fraction = String(repeating: "0", count: max(0, decimals - fraction.utf8.count)) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return decimals == 0 || fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
    }
}
