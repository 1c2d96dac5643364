// SPDX-License-Identifier: Apache-2.0
// The program's entry: which of its two trades is asked for.
import CLinux
import Glibc
import Linux

package enum RuntimeProgram {
    /// Runs the command and returns the exit code.
    package static func main(_ arguments: [String]) -> Int32 {
        if arguments.first?.hasSuffix("/docker-init") == true { return PidOne.run(arguments) }
        do {
            if arguments.dropFirst().first == "shim" {
                try SelfProtection.ensure(arguments: arguments)
                return try Shim.run(Array(arguments.dropFirst(2)))
            }
            if arguments.dropFirst().first == "hold" { holdNamespaces() }
            return try OCICommand.run(Array(arguments.dropFirst()), all: arguments)
        } catch {
            let failure = RuntimeError(error)
            let line = "apus-runtime: \(failure.message)\n"
            _ = write(2, line, line.utf8.count)
            return 1
        }
    }

    /// What keeps the namespaces of a rootless daemon while that is away: nothing but being there.
    private static func holdNamespaces() -> Never {
        apus_trim_pages()
        while true { pause() }
    }
}
