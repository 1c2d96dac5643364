// SPDX-License-Identifier: Apache-2.0
// What the user gave for the flags of a command; readers are typed because the values were checked while parsing.
import Primitives

/// The flags of one invocation.
package struct FlagValues: Sendable {
    /// In the order given; for single values the last one counts.
    private var given: [String: [String]] = [:]
    private var defaults: [String: String] = [:]
    /// Names as they were typed, an alias not counted as what it stands for.
    private var typed: Set<String> = []

    package init(flags: [Flag] = []) {
        for flag in flags { if let value = flag.standard { defaults[flag.name] = value } }
    }

    package mutating func set(_ flag: Flag, _ value: String) {
        let name = flag.aliasOf ?? flag.name
        typed.insert(flag.name)
        if flag.aliasOf != nil { given[flag.name] = [value] }
        if flag.kind.isRepeatable { given[name, default: []].append(value) } else { given[name] = [value] }
    }

    package func isSet(_ name: String) -> Bool { given[name] != nil }

    package func givenDirectly(_ name: String) -> Bool { typed.contains(name) }

    package func string(_ name: String) -> String { given[name]?.last ?? defaults[name] ?? "" }

    package func optionalString(_ name: String) -> String? { given[name]?.last }

    package func bool(_ name: String) -> Bool { FlagSyntax.bool(string(name)) ?? false }

    package func int(_ name: String) -> Int64 { FlagSyntax.integer(string(name)) ?? 0 }

    package func optionalInt(_ name: String) -> Int64? { given[name]?.last.flatMap { FlagSyntax.integer($0) } }

    package func list(_ name: String) -> [String] { given[name] ?? [] }

    /// `--platform a,b --platform c` → three values.
    package func slice(_ name: String) -> [String] {
        list(name).flatMap { $0.split(separator: ",").map(String.init) }
    }

    /// Bytes of `--memory 64m`; `-1` stays -1 for the swap flag.
    package func bytes(_ name: String) -> Int64 {
        let text = string(name)
        if text == "-1" { return -1 }
        return (try? ByteSize.parse(text)) ?? 0  // Was checked by the parser; absent is 0.
    }

    /// Nanoseconds of a Go duration.
    package func duration(_ name: String) -> Int64 { GoDuration.parse(string(name)) ?? 0 }
}

/// Go's rules for numbers and booleans on the command line.
enum FlagSyntax {
    static func bool(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    /// Decimal, `0x`, `0o`, `0b` and leading-zero octal as `strconv.ParseInt(_, 0, 64)`.
    static func integer(_ text: String) -> Int64? {
        var digits = Substring(text)
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = first == "-" ? "-" : ""
            digits = digits.dropFirst()
        }
        var radix = 10
        let lower = digits.lowercased()
        if lower.hasPrefix("0x") {
            radix = 16
        } else if lower.hasPrefix("0b") {
            radix = 2
        } else if lower.hasPrefix("0o") {
            radix = 8
        }
        if radix != 10 {
            digits = digits.dropFirst(2)
        } else if digits.count > 1, digits.hasPrefix("0") {
            radix = 8
            digits = digits.dropFirst()
        }
        guard let first = digits.first, first != "-", first != "+" else { return nil }
        return Int64(sign + digits, radix: radix)
    }

    /// The complaint about `value` for a flag of `kind`, nil when it is fine.
    static func complaint(_ kind: Flag.Kind, _ value: String) -> String? {
        switch kind {
        case .bool: bool(value) == nil ? "strconv.ParseBool: parsing \(Quoted.go(value)): invalid syntax" : nil
        case .int: integerComplaint("ParseInt", value, Int64.min...Int64.max)
        case .uint16: integerComplaint("ParseUint", value, 0...65535)
        case .uint64: integerComplaint("ParseUint", value, 0...Int64.max)
        case .duration:
            GoDuration.parse(value) == nil
                ? (value.isEmpty || GoDuration.parse(value + "s") == nil
                    ? "time: invalid duration \(Quoted.go(value))"
                    : "time: missing unit in duration \(Quoted.go(value))") : nil
        case .decimal: RunResources.nanoCPUs(value).failure
        case .bytes: bytesComplaint(value)
        case .memorySwap: value == "-1" ? nil : bytesComplaint(value)
        case .filter: filterComplaint(value)
        default: nil
        }
    }

    private static func bytesComplaint(_ value: String) -> String? {
        do { _ = try ByteSize.parse(value) } catch { return "\(error)" }
        return nil
    }

    private static func filterComplaint(_ value: String) -> String? {
        if value.isEmpty || value.contains("=") { return nil }
        return "bad format of filter (expected name=value)"
    }

    private static func integerComplaint(_ function: String, _ value: String, _ range: ClosedRange<Int64>) -> String? {
        let signed = value.hasPrefix("-") || value.hasPrefix("+")
        guard let number = integer(value), function == "ParseInt" || !signed else {
            let digits = value.drop { $0 == "-" || $0 == "+" }
            let isRange = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber } && function == "ParseInt"
            return "strconv.\(function): parsing \(Quoted.go(value)): "
                + (isRange ? "value out of range" : "invalid syntax")
        }
        return range.contains(number) ? nil : "strconv.\(function): parsing \(Quoted.go(value)): value out of range"
    }
}
