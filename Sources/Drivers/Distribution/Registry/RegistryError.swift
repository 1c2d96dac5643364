// SPDX-License-Identifier: Apache-2.0
// What a registry answered when it did not give what was asked for (distribution-spec, "Error Codes").
import JSON
import Primitives

/// A refusal of a registry, in its own words where it gave any.
package struct RegistryError: Error, Sendable, CustomStringConvertible {
    package let status: Int
    /// `MANIFEST_UNKNOWN`, `UNAUTHORIZED` …; empty when the answer was not in the form of the specification.
    package let code: String
    package let message: String

    package var description: String { message }

    init(status: Int, body: [UInt8], what: String) {
        self.status = status
        let first = (try? JSONValue.parse(body))?["errors"]?[0]
        code = first?["code"]?.string ?? ""
        let text = first?["message"]?.string ?? ""
        // Docker prints a code as lower-case words before the registry's message.
        let words = code.lowercased().split(separator: "_").joined(separator: " ")
        if !words.isEmpty {
            message = text.isEmpty ? words : "\(words): \(text)"
        } else {
            message = "\(what): unexpected status from the registry: \(status)"
        }
    }

    /// As the daemon's API reports it.
    func engineError(_ reference: String, repository: String) -> EngineError {
        switch (status, code) {
        case (404, "NAME_UNKNOWN"), (401, _), (403, _):
            EngineError(
                .notFound,
                "pull access denied for \(repository), repository does not exist or may require 'docker login': \(message)",
                cause: self)
        case (404, _):
            EngineError(
                .notFound, "manifest for \(reference) not found: \(message.isEmpty ? "manifest unknown" : message)",
                cause: self)
        case (429, _):
            EngineError(.unavailable, message.isEmpty ? "toomanyrequests: too many requests" : message, cause: self)
        default: EngineError(.internalError, message, cause: self)
        }
    }
}
