// SPDX-License-Identifier: Apache-2.0
// The command line of OCI runtimes: create, start, state, kill, delete, run, exec …
import Glibc
import JSON
import Linux
import OCI

enum OCICommand {
    static func run(_ arguments: [String], all: [String]) throws -> Int32 {
        throw RuntimeError(.invalid, "unknown command \(arguments.first ?? "")")
    }
}
