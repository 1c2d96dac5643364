// SPDX-License-Identifier: Apache-2.0
// A request as the server's handlers see it.
import Primitives

/// Header fields in the order they came; names compare without case (RFC 9110, 5.1).
package struct HTTPHeaderFields: Sendable {
    package private(set) var fields: [(name: String, value: String)] = []

    package init(_ fields: [(String, String)] = []) { self.fields = fields.map { ($0.0, $0.1) } }

    package subscript(name: String) -> String? {
        fields.first { Self.equal($0.name, name) }?.value
    }

    /// The values of every field of that name.
    package func all(_ name: String) -> [String] { fields.filter { Self.equal($0.name, name) }.map(\.value) }

    /// Whether a field that is a list of tokens, such as Connection, holds this one.
    package func hasToken(_ name: String, _ token: String) -> Bool {
        all(name).contains { value in
            value.split(separator: ",").contains { Self.equal($0.filter { $0 != " " && $0 != "\t" }, token) }
        }
    }

    package mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

    private static func equal(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count && one.lowercased() == other.lowercased()
    }
}

/// Method, target, header fields and a body that is read on demand.
package struct HTTPRequest: Sendable {
    package let method: String
    /// The path as sent, percent-encoding still in place.
    package var rawPath: String
    package let query: [(name: String, value: String)]
    package let headers: HTTPHeaderFields
    /// The next piece of the body; nil at its end.
    package let body: @Sendable () async throws -> [UInt8]?

    /// The first value of a query parameter.
    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    package func queryAll(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

    /// The whole body; more than `limit` bytes are refused.
    package func collectBody(limit: Int) async throws -> [UInt8] {
        let tooLarge = EngineError(.payloadTooLarge, "http: request body too large")
        // A length that is too large is refused before a byte of it is asked for.
        if let length = headers["Content-Length"].flatMap({ Int($0) }), length > limit { throw tooLarge }
        var bytes: [UInt8] = []
        while let chunk = try await body() {
            guard bytes.count + chunk.count <= limit else { throw tooLarge }
            bytes += chunk
        }
        return bytes
    }
}

/// Percent-encoding (RFC 3986, 2.1) and query strings.
package enum URLText {
    /// Decodes `%41` (and `+` as a space when asked); nil for a broken escape.
    package static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The pairs of a query string; nil for a broken escape.
    package static func query(_ text: some StringProtocol) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(parts[0], plusIsSpace: true),
                let value = parts.count > 1 ? decode(parts[1], plusIsSpace: true) : ""
            else { return nil }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
