// SPDX-License-Identifier: Apache-2.0
// pflag's grammar: `--name=value`, `--name value`, `-itd`, `-p80:80`, `-e A -e B`, `--`, and a stop at the first operand on wish.

/// A wrong command line. The message is Docker's; whoever reports it adds usage and hint.
package struct FlagError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package var description: String { message }
    package init(_ message: String) { self.message = message }
}

/// Splits arguments into flag values and operands.
package struct FlagParser: Sendable {
    private let flags: [Flag]
    private let interspersed: Bool

    /// `interspersed`: flags may follow operands; off for `run`, `create`, `exec`, `top` and the program's own flags.
    package init(_ flags: [Flag], interspersed: Bool = true) {
        self.flags = flags
        self.interspersed = interspersed
    }

    /// The outcome. `wantsHelp` when `--help` (or `-h` where no flag has that letter) was met.
    package struct Result: Sendable {
        package var values: FlagValues
        package var operands: [String] = []
        package var wantsHelp = false
        /// It was `-h`, which the stock client wants to forget.
        package var usedShortHelp = false
    }

    package func parse(_ arguments: some Sequence<String>) throws(FlagError) -> Result {
        var result = Result(values: FlagValues(flags: flags))
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                result.operands += rest
                break
            }
            if argument.hasPrefix("--") {
                if try parseLong(argument, &rest, &result.values) { result.wantsHelp = true }
            } else if argument.hasPrefix("-"), argument != "-" {
                if try parseShort(argument, &rest, &result.values) {
                    result.wantsHelp = true
                    result.usedShortHelp = true
                }
            } else {
                result.operands.append(argument)
                if !interspersed {
                    result.operands += rest
                    break
                }
            }
        }
        return result
    }

    /// True when this was the help flag.
    private func parseLong(
        _ argument: String, _ rest: inout ArraySlice<String>, _ values: inout FlagValues
    ) throws(FlagError) -> Bool {
        let body = argument.dropFirst(2)
        guard let first = body.first, first != "-", first != "=" else {
            throw FlagError("bad flag syntax: \(argument)")
        }
        let equals = body.firstIndex(of: "=")
        let name = String(equals.map { body[..<$0] } ?? body)
        var value = equals.map { String(body[body.index(after: $0)...]) }
        if name == "help" {
            if let value, FlagSyntax.bool(value) == nil {
                throw FlagError(
                    "invalid argument \(Quoted.go(value)) for \"--help\" flag: strconv.ParseBool: parsing \(Quoted.go(value)): "
                        + "invalid syntax")
            }
            return value.flatMap { FlagSyntax.bool($0) } ?? true
        }
        guard let flag = flags.first(where: { $0.name == name }) else { throw FlagError("unknown flag: --\(name)") }
        if value == nil {
            if flag.kind == .bool {
                value = "true"
            } else if let next = rest.popFirst() {
                value = next
            } else {
                throw FlagError("flag needs an argument: --\(name)")
            }
        }
        try store(flag, value ?? "", &values)
        return false
    }

    private func parseShort(
        _ argument: String, _ rest: inout ArraySlice<String>, _ values: inout FlagValues
    ) throws(FlagError) -> Bool {
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
            guard let flag = flags.first(where: { $0.short == letter }) else {
                if letter == "h" { return true }
                throw FlagError(
                    "unknown shorthand flag: '\(letter)' in \(argument.hasPrefix("-") ? "-" : "")\(letter)\(letters)")
            }
            if letters.first == "=", letters.count > 1 || flag.kind != .bool {
                try store(flag, String(letters.dropFirst()), &values)
                return false
            }
            if flag.kind == .bool {
                try store(flag, "true", &values)
            } else if !letters.isEmpty {
                try store(flag, String(letters), &values)
                return false
            } else if let next = rest.popFirst() {
                try store(flag, next, &values)
            } else {
                throw FlagError("flag needs an argument: '\(letter)' in \(argument)")
            }
        }
        return false
    }

    private func store(_ flag: Flag, _ value: String, _ values: inout FlagValues) throws(FlagError) {
        if let complaint = flag.check.map({ $0(value) }) ?? FlagSyntax.complaint(flag.kind, value) {
            let shown =
                flag.aliasOf.flatMap { name in flags.first { $0.name == name } }.map { _ in flag.label } ?? flag.label
            throw FlagError("invalid argument \(Quoted.go(value)) for \"\(shown)\" flag: \(complaint)")
        }
        values.set(flag, value)
    }
}
