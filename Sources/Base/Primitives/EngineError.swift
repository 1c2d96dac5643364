// SPDX-License-Identifier: Apache-2.0
// The error that crosses the engine's boundary: a kind that decides the HTTP status, and the message users see.

/// A classified failure. The message is part of the compatible API: clients match on its text.
package struct EngineError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, as far as a caller may act on it. The HTTP status follows from it in one place, the server's edge.
    package enum Kind: String, Sendable, Hashable {
        case invalidArgument
        case unauthorized
        case forbidden
        case notFound
        case notAcceptable
        case conflict
        case notModified
        case payloadTooLarge
        case unsupportedMediaType
        case unavailable
        case notImplemented
        case internalError
    }

    package let kind: Kind
    package let message: String
    package let cause: (any Error)?

    package init(_ kind: Kind, _ message: String, cause: (any Error)? = nil) {
        self.kind = kind
        self.message = message
        self.cause = cause
    }

    package var description: String { message }

    package static func invalidArgument(_ message: String) -> EngineError { EngineError(.invalidArgument, message) }
    package static func unauthorized(_ message: String) -> EngineError { EngineError(.unauthorized, message) }
    package static func forbidden(_ message: String) -> EngineError { EngineError(.forbidden, message) }
    package static func notFound(_ message: String) -> EngineError { EngineError(.notFound, message) }
    package static func conflict(_ message: String) -> EngineError { EngineError(.conflict, message) }
    package static func notModified(_ message: String) -> EngineError { EngineError(.notModified, message) }
    package static func unavailable(_ message: String) -> EngineError { EngineError(.unavailable, message) }
    package static func notImplemented(_ message: String) -> EngineError { EngineError(.notImplemented, message) }
    package static func internalError(_ message: String, cause: (any Error)? = nil) -> EngineError {
        EngineError(.internalError, message, cause: cause)
    }
}

/// Runs `body`; a failure is wrapped with what was being done, its kind kept: `mount rootfs of 4f2a: …`.
package func context<T>(_ what: @autoclosure () -> String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw adding(what(), to: error) }
}

/// The asynchronous twin of `context(_:_:)`.
package func context<T>(
    _ what: @autoclosure () -> String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
) async throws -> T {
    do { return try await body() } catch { throw adding(what(), to: error) }
}

private func adding(_ what: String, to error: any Error) -> any Error {
    if error is CancellationError { return error }
    let kind = (error as? EngineError)?.kind ?? .internalError
    return EngineError(kind, "\(what): \(error)", cause: error)
}
