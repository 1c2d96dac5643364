// SPDX-License-Identifier: Apache-2.0
// Proving to a registry who asks: basic, bearer tokens, or nothing.
import Primitives

/// What `docker login` stored for a registry.
package struct Credentials: Sendable, Equatable {
    package var username: String
    package var password: String
    /// A refresh token, used instead of a password.
    package var identityToken: String
    /// A bearer token, used as it is.
    package var registryToken: String

    package init(username: String = "", password: String = "", identityToken: String = "", registryToken: String = "") {
        self.username = username
        self.password = password
        self.identityToken = identityToken
        self.registryToken = registryToken
    }

    package var isEmpty: Bool { username.isEmpty && identityToken.isEmpty && registryToken.isEmpty }

    var basic: String { "Basic " + Base64.encode(Array("\(username):\(password)".utf8)) }
}

/// A `WWW-Authenticate` header (RFC 9110, 11.6.1): the scheme and its parameters.
struct Challenge: Equatable {
    var scheme: String
    var parameters: [String: String]

    init?(_ header: String) {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard let scheme = parts.first else { return nil }
        self.scheme = scheme.lowercased()
        parameters = [:]
        var rest = parts.count > 1 ? parts[1] : ""
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].drop { $0 == " " || $0 == "," }.lowercased()
            rest = rest[rest.index(after: equals)...]
            var value = ""
            if rest.first == "\"" {
                rest = rest.dropFirst()
                while let character = rest.first, character != "\"" {
                    if character == "\\" { rest = rest.dropFirst() }
                    if let kept = rest.first { value.append(kept) }
                    rest = rest.dropFirst()
                }
                rest = rest.dropFirst()
            } else {
                value = String(rest.prefix { $0 != "," })
                rest = rest.dropFirst(value.count)
            }
            parameters[key] = value
        }
    }
}

/// RFC 4648.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0) }
            for offset in 0..<4 {
                out.append(
                    offset <= group.count ? alphabet[Int(bits >> (18 - 6 * UInt32(offset)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
