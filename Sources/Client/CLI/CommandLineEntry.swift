// SPDX-License-Identifier: Apache-2.0
// The door the program comes in through: reads argv and environ, runs a command.
import Glibc

/// Runs the command of this process.
package enum CommandLineEntry {
    package static func run() -> Int32 {
        let arguments = CommandLine.arguments
        let base = arguments.first?.split(separator: "/").last.map(String.init) ?? "apus"
        var program = Program(
            name: base == "docker" ? "docker" : "apus", environment: environment(), console: Console())
        return program.run(Array(arguments.dropFirst()))
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let pointer = next.pointee {
            let text = String(cString: pointer)
            if let equals = text.utf8.firstIndex(of: 61) {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}
