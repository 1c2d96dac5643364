// SPDX-License-Identifier: Apache-2.0
// Flags of the OCI command line, as runc's callers write them.

/// Splits arguments into flags and operands. Flags may follow operands unless `stopsAtOperand`.
package struct CommandArguments: Equatable, Sendable {
    package private(set) var values: [String: [String]] = [:]
    package private(set) var operands: [String] = []

    /// `taking` names flags with a value, `plain` those without; short names map to long ones. Any other flag is refused.
    package init(
        _ arguments: ArraySlice<String>, taking: Set<String>, plain: Set<String>, short: [String: String] = [:],
        stopsAtOperand: Bool = true
    ) throws {
        var rest = arguments
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                operands.append(argument)
                if stopsAtOperand { break }
                continue
            }
            if argument == "--" { break }
            let text = argument.drop { $0 == "-" }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = short[parts[0]] ?? parts[0]
            if taking.contains(name) {
                guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                    throw RuntimeError(.invalid, "flag needs an argument: \(argument)")
                }
                values[name, default: []].append(value)
            } else if plain.contains(name) {
                values[name] = [parts.count > 1 ? parts[1] : "true"]
            } else {
                throw RuntimeError(.invalid, "flag provided but not defined: -\(parts[0])")
            }
        }
        operands += rest
    }

    package subscript(name: String) -> String? { values[name]?.last }
    package func has(_ name: String) -> Bool { values[name]?.last == "true" }
    package func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A flag's value as a number.
    package func number(_ name: String) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text) else {
            throw RuntimeError(.invalid, "invalid value \"\(text)\" for flag -\(name): not a number")
        }
        return number
    }
}
