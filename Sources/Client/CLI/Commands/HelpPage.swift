// SPDX-License-Identifier: Apache-2.0
// Help pages in the stock client's layout, from the same tables the parser reads.

/// Prints help.
struct HelpPage {
    let program: String
    let console: Console

    private var columns: Int { (Console.size(of: 0)?.columns ?? 80) - 1 }

    func command(_ command: Command, _ path: String) {
        console.out("Usage:  \(program) \(path)" + (command.usage.isEmpty ? "" : " " + command.usage) + "\n\n")
        console.out((command.description ?? command.summary) + "\n")
        if command.paths.count > 1 {
            console.out("\nAliases:\n  " + command.paths.map { "\(program) \($0)" }.joined(separator: ", ") + "\n")
        }
        let options = FlagHelp.text(command.flags(), columns: columns)
        if !options.isEmpty { console.out("\nOptions:\n" + options) }
    }

    /// `toError`: nobody asked for help, the group was called without a verb.
    func group(_ group: CommandGroup, toError: Bool = false) {
        let out = toError ? console.err : console.out
        out("Usage:  \(program) \(group.name) COMMAND\n\n\(group.summary)\n\nCommands:\n")
        list(Catalog.members(of: group.name).map { ($0.name, $0.command.summary) }, out)
        out("\nRun '\(program) \(group.name) COMMAND --help' for more information on a command.\n")
    }

    func overview(toError: Bool = false) {
        let out = toError ? console.err : console.out
        out("Usage:  \(program) [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\nCommon Commands:\n")
        list(Catalog.common.compactMap { name in Catalog.command(name).map { (name, $0.summary) } }, out)
        out("\nManagement Commands:\n")
        list(Catalog.groups.map { ($0.name, $0.summary) }, out)
        out("\nCommands:\n")
        list(
            Catalog.members(of: nil).filter { !Catalog.common.contains($0.name) }.map { ($0.name, $0.command.summary) },
            out)
        out("\nGlobal Options:\n" + FlagHelp.text(Program.globalFlags, columns: columns))
        out("\nRun '\(program) COMMAND --help' for more information on a command.\n")
    }

    private func list(_ rows: [(String, String)], _ out: (String) -> Void) {
        let width = max(11, (rows.map(\.0.utf8.count).max() ?? 0) + 1)
        for (name, summary) in rows {
            out("  \(name)" + String(repeating: " ", count: width - name.utf8.count) + " \(summary)\n")
        }
    }
}
