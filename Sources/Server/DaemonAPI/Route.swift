// SPDX-License-Identifier: Apache-2.0
// The route table: method and pattern to a handler.
import HTTP

/// One request on its way through the table.
struct APICall: Sendable {
    let request: HTTPRequest
    let responder: HTTPResponder
    let version: APIVersion
    /// What stands in the pattern's braces, decoded.
    let parameters: [String: String]

    func parameter(_ name: String) -> String { parameters[name] ?? "" }
}

/// A row of the table. In a pattern `{id}` is one segment and `{name*}` is one or more, as in names of images.
struct Route: Sendable {
    let method: String
    let pattern: [Substring]
    let handle: @Sendable (APICall) async throws -> Void

    init(_ method: String, _ pattern: String, _ handle: @escaping @Sendable (APICall) async throws -> Void) {
        self.method = method
        self.pattern = pattern.split(separator: "/")
        self.handle = handle
    }

    /// The parameters of a path that fits; nil when it does not.
    func match(_ path: [String]) -> [String: String]? {
        var parameters: [String: String] = [:]
        var index = 0
        for (position, part) in pattern.enumerated() {
            guard index < path.count else { return nil }
            if part.hasSuffix("*}") {
                let behind = pattern.count - position - 1
                let end = path.count - behind
                guard end > index else { return nil }
                parameters[String(part.dropFirst().dropLast(2))] = path[index..<end].joined(separator: "/")
                index = end
            } else if part.hasPrefix("{") {
                parameters[String(part.dropFirst().dropLast())] = path[index]
                index += 1
            } else {
                guard part == path[index] else { return nil }
                index += 1
            }
        }
        return index == path.count ? parameters : nil
    }
}
