// SPDX-License-Identifier: Apache-2.0
// Flags of the OCI command line, as runc's callers write them.

/// Splits arguments into flags and operands; flags end at the first operand.
package struct CommandArguments: Equatable, Sendable {
    package private(set) var values: [String: [String]] = [:]
    package private(set) var operands: [String] = []

    /// `taking` names flags with a value, `plain` those without; short names map to long ones. Any other flag is refused.
    package init(
        _ arguments: ArraySlice<String>, taking: Set<String>, plain: Set<String>, short: [String: String] = [:]
    ) throws {
        var rest = arguments
        while let argument = rest.first {
            guard argument.hasPrefix("-"), argument != "-" else { break }
            rest = rest.dropFirst()
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
                throw RuntimeError(.invalid, "flag provided but not supported: \(argument)")
            }
        }
        operands = Array(rest)
    }

    package subscript(name: String) -> String? { values[name]?.last }
    package func has(_ name: String) -> Bool { values[name]?.last == "true" }
    package func all(_ name: String) -> [String] { values[name] ?? [] }
}
