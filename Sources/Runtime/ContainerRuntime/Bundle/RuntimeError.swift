// SPDX-License-Identifier: Apache-2.0
// What went wrong with a container, as far as the caller may act on it.
import JSON

/// A failure of the runtime. `notFound` and `notExecutable` speak of the program to run: exit codes 127 and 126.
package struct RuntimeError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case notFound, notExecutable, invalid
        case internalError = "internal"
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Any error as one of ours, with what was being done put before it.
    package init(_ error: any Error, doing what: String? = nil) {
        let known = error as? RuntimeError
        kind = known?.kind ?? .internalError
        message = (what.map { $0 + ": " } ?? "") + (known?.message ?? "\(error)")
    }

    package var description: String { message }

    /// The exit code a user sees when the program could not be started.
    package var exitCode: Int32 {
        switch kind {
        case .notFound: 127
        case .notExecutable: 126
        case .invalid, .internalError: 128
        }
    }
}

/// Runs `body`; a failure says what was being done.
@discardableResult
func doing<T: ~Copyable>(_ what: @autoclosure () -> String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw RuntimeError(error, doing: what()) }
}
