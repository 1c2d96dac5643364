// SPDX-License-Identifier: Apache-2.0
// `completion`: prints the script that makes a shell complete this program's command lines.

/// `apus completion`.
enum CompletionCommand {
    static let all = [
        Command(
            ["completion"], "bash|zsh|fish", "Generate the autocompletion script for the specified shell", .exactly(1),
            run: run)
    ]

    private static func run(_ call: Invocation) throws -> Int32 {
        let shell = call.operands[0]
        guard let script = CompletionScripts.script(shell, name: call.program) else {
            throw CommandError(
                "\(call.program): completion for \(Quoted.go(shell)) is not supported; the shells are "
                    + CompletionScripts.shells.joined(separator: ", "))
        }
        call.console.out(script)
        return 0
    }
}
