// SPDX-License-Identifier: Apache-2.0
// A command as data: its names, usage, flags, operands, and the function that runs it.

/// How many operands a command takes.
package enum OperandCount: Sendable, Equatable {
    case none
    case exactly(Int)
    case atLeast(Int)
    case atMost(Int)
    case range(Int, Int)

    /// Docker's complaint about `count` operands; nil when they are right. `hint` starts the last line.
    func complaint(_ count: Int) -> (text: String, hint: String)? {
        func word(_ number: Int) -> String { "\(number) argument" + (number == 1 ? "" : "s") }
        switch self {
        case .none: return count == 0 ? nil : ("accepts no arguments", "Run")
        case .exactly(let wanted): return count == wanted ? nil : ("requires \(word(wanted))", "Run")
        case .atLeast(let wanted): return count >= wanted ? nil : ("requires at least \(word(wanted))", "See")
        case .atMost(let wanted): return count <= wanted ? nil : ("requires at most \(word(wanted))", "Run")
        case .range(let low, let high):
            return (low...high).contains(count) ? nil : ("requires at least \(low) and at most \(word(high))", "Run")
        }
    }
}

/// A verb of the command line. Aliases are further paths of the same command.
package struct Command: Sendable {
    /// Every way to call it, in the order help shows: `container ls`, `container list`, `container ps`, `ps`.
    package let paths: [String]
    /// What follows the name: `[OPTIONS] CONTAINER`.
    package let usage: String
    package let summary: String
    package let operands: OperandCount
    /// Whether flags may follow operands.
    package let interspersed: Bool
    package let flags: @Sendable () -> [Flag]
    package let run: @Sendable (Invocation) throws -> Int32
    /// A longer text for the command's own help page.
    package let description: String?

    /// Arguments are not looked at: a command that only refuses.
    package let acceptsAnything: Bool
    /// Works, but no help page lists it.
    package let isHidden: Bool

    package init(
        _ paths: [String], _ usage: String, _ summary: String, _ operands: OperandCount, interspersed: Bool = true,
        description: String? = nil, flags: @escaping @Sendable () -> [Flag] = { [] }, acceptsAnything: Bool = false,
        isHidden: Bool = false,
        run: @escaping @Sendable (Invocation) throws -> Int32
    ) {
        self.paths = paths
        self.usage = usage
        self.summary = summary
        self.operands = operands
        self.interspersed = interspersed
        self.description = description
        self.flags = flags
        self.acceptsAnything = acceptsAnything
        self.isHidden = isHidden
        self.run = run
    }
}

/// What the commands below a noun are about.
package struct CommandGroup: Sendable {
    package let name: String
    package let summary: String
}

/// A failure with an exit code of its own. `text` empty: nothing more to say.
package struct ExitError: Error, Sendable, CustomStringConvertible {
    package let code: Int32
    package let text: String
    /// Docker's form for `run` and `create`: `docker: text` and a hint at the help page.
    package let showsHint: Bool
    package var description: String { text }

    package init(_ code: Int32, _ text: String = "", showsHint: Bool = false) {
        self.code = code
        self.text = text
        self.showsHint = showsHint
    }
}

/// A message for the user; exit code 1.
package struct CommandError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
