// SPDX-License-Identifier: Apache-2.0
// Go's fmt verbs, as far as values of a template need them.
import JSON

/// `printf` of templates.
enum GoFormat {
    static func text(_ format: String, _ arguments: [TemplateValue]) -> String {
        var output = ""
        var next = 0
        var rest = Array(format)[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                output.append(character)
                continue
            }
            var flags: Set<Character> = []
            while let flag = rest.first, "+-# 0".contains(flag) {
                flags.insert(flag)
                rest = rest.dropFirst()
            }
            func number() -> Int? {
                if rest.first == "*" {
                    rest = rest.dropFirst()
                    defer { next += 1 }
                    return next < arguments.count ? Int(arguments[next].json.int ?? 0) : nil
                }
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(digits.count)
                return Int(String(digits))
            }
            let width = number() ?? 0
            var precision: Int?
            if rest.first == "." {
                rest = rest.dropFirst()
                precision = number() ?? 0
            }
            guard let verb = rest.popFirst() else {
                output += "%!(NOVERB)"
                break
            }
            if verb == "%" {
                output += "%"
                continue
            }
            guard next < arguments.count else {
                output += "%!\(verb)(MISSING)"
                continue
            }
            let shown = self.verb(verb, arguments[next], flags, precision)
            next += 1
            output += pad(shown, width, flags, isNumber: "dfxXobeg".contains(verb))
        }
        if next < arguments.count {
            let extra = arguments[next...].map { "\(TemplateFunctions.typeName($0.json))=\($0.text)" }
            output += "%!(EXTRA " + extra.joined(separator: ", ") + ")"
        }
        return output
    }

    private static func pad(_ text: String, _ width: Int, _ flags: Set<Character>, isNumber: Bool) -> String {
        let missing = max(0, min(width, 10_000) - text.unicodeScalars.count)
        if missing == 0 { return text }
        if flags.contains("-") { return text + String(repeating: " ", count: missing) }
        if flags.contains("0"), isNumber {
            let sign = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.prefix(1)) : ""
            return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
        }
        return String(repeating: " ", count: missing) + text
    }

    private static func verb(
        _ verb: Character, _ value: TemplateValue, _ flags: Set<Character>, _ precision: Int?
    ) -> String {
        let json = value.json
        switch (verb, json) {
        case ("v", .string(let text)) where flags.contains("#"), ("q", .string(let text)): return Quoted.go(text)
        case ("q", .array(let items)):
            return "[" + items.map { Quoted.go(TemplateValue.json($0).text) }.joined(separator: " ") + "]"
        case ("v", .null), ("s", .null):
            if case .typedNil(let shown) = value { return shown }
            return verb == "v" ? "<nil>" : "%!s(<nil>)"
        case ("s", .string(let text)): return precision.map { String(text.prefix($0)) } ?? text
        case ("v", _): return (flags.contains("+") && (json.int ?? -1) >= 0 ? "+" : "") + value.text
        case ("s", .array), ("s", .object): return value.text
        case ("d", .int(let number)):
            return (number >= 0 && flags.contains("+") ? "+" : number >= 0 && flags.contains(" ") ? " " : "")
                + String(number)
        case ("x", .int(let number)): return (flags.contains("#") ? "0x" : "") + String(number, radix: 16)
        case ("X", .int(let number)): return (flags.contains("#") ? "0X" : "") + String(number, radix: 16).uppercased()
        case ("o", .int(let number)): return String(number, radix: 8)
        case ("b", .int(let number)): return String(number, radix: 2)
        case ("c", .int(let number)):
            return UInt32(exactly: number).flatMap { Unicode.Scalar($0) }.map { String($0) } ?? "\u{FFFD}"
        case ("x", .string(let text)):
            return text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case ("t", .bool(let flag)): return flag ? "true" : "false"
        case ("f", .double(let number)): return Decimal.fixed(number, precision ?? 6)
        case ("g", .double), ("e", .double): return value.text
        case ("T", _): return TemplateFunctions.typeName(json)
        default: return "%!\(verb)(\(TemplateFunctions.typeName(json))=\(value.text))"
        }
    }
}

/// Fixed-point text of a double.
enum Decimal {
    static func fixed(_ number: Double, _ digits: Int) -> String {
        guard number.isFinite, number.magnitude < 1e15 else { return "\(number)" }
        var scale = 1.0
        for _ in 0..<min(digits, 15) { scale *= 10 }
        let scaled = (number.magnitude * scale).rounded(.toNearestOrEven)
        let whole = Int64((scaled / scale).rounded(.down))
        var fraction = String(Int64(scaled - Double(whole) * scale))
        fraction = String(repeating: "0", count: max(0, min(digits, 15) - fraction.utf8.count)) + fraction
        return (number < 0 ? "-" : "") + (digits == 0 ? String(whole) : "\(whole).\(fraction)")
    }
}
