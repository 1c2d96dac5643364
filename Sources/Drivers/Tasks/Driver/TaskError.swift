// SPDX-License-Identifier: Apache-2.0
// Why a task could not do what was asked, with the exit code that Docker's users expect of a failed start.

/// A refusal of the runtime, or its silence.
package struct TaskError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No such program in the container.
        case commandNotFound
        /// The program is there and cannot be executed.
        case notExecutable
        /// The configuration does not hold together.
        case invalid
        /// The container's process has ended, or its shim.
        case notRunning
        case internalError
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// What `State.ExitCode` shows after this start: 127 not found, 126 not executable, else 128.
    package var exitCode: Int32 {
        switch kind {
        case .commandNotFound: 127
        case .notExecutable: 126
        default: 128
        }
    }
}
