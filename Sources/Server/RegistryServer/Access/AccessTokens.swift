// SPDX-License-Identifier: Apache-2.0
// Bearer tokens that this registry issues and understands (RFC 7519, HS256).
import Crypto
import Glibc
import JSON
import Linux
import Primitives

/// Signs with a key that lies in the store's folder, so that tokens outlive a restart.
struct AccessTokens: Sendable {
    /// What a token says.
    struct Claims: Sendable, Equatable {
        /// nil for somebody unknown.
        var user: String?
        var access: [String: Set<Action>]
        var expires: Int

        func allows(_ action: Action, in repository: RepositoryName) -> Bool {
            access[repository.text]?.contains(action) ?? false
        }
    }

    private let key: SymmetricKey
    private let service: String
    static let lifetime = 300
    private static let header = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))

    init(folder: StoreFolder, service: String) throws {
        let path = "token-key"
        var bytes = try folder.read(path, limit: 64)
        if bytes == nil {
            let fresh = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
            // Two servers that start at once must end up with one key.
            let temporary = try folder.stage(fresh)
            _ = try folder.link(temporary, to: path)
            try folder.remove(temporary)
            try folder.sync(".")
            bytes = try folder.read(path, limit: 64)
        }
        guard let bytes, bytes.count == 32 else { throw EngineError.internalError("the token key is damaged") }
        key = SymmetricKey(data: bytes)
        self.service = service
    }

    init(key: SymmetricKey, service: String) {
        self.key = key
        self.service = service
    }

    func issue(_ claims: Claims, at now: Int) -> String {
        let access = claims.access.sorted { $0.key < $1.key }.map { name, actions -> JSONValue in
            [
                "type": "repository", "name": .string(name),
                "actions": .array(actions.map(\.rawValue).sorted().map { .string($0) }),
            ]
        }
        let payload: JSONValue = [
            "iss": .string(service), "aud": .string(service), "sub": .string(claims.user ?? ""),
            "iat": .int(Int64(now)), "exp": .int(Int64(claims.expires)), "access": .array(access),
        ]
        let text = Self.header + "." + Base64URL.encode(payload.serialize())
        let mac = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        return text + "." + Base64URL.encode(Array(mac))
    }

    /// nil for whatever this registry did not issue, and for what has expired.
    func verify(_ token: String, at now: Int) -> Claims? {
        guard token.utf8.count <= 32 << 10 else { return nil }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        // The header is compared whole: a token does not choose its algorithm.
        guard parts.count == 3, parts[0] == Self.header, let mac = Base64URL.decode(parts[2]),
            HMAC<SHA256>.isValidAuthenticationCode(
                mac, authenticating: Array("\(parts[0]).\(parts[1])".utf8), using: key),
            let payload = Base64URL.decode(parts[1]), let json = try? JSONValue.parse(payload),
            json["aud"]?.string == service, let expires = json["exp"]?.int, expires > Int64(now)
        else { return nil }
        var access: [String: Set<Action>] = [:]
        for entry in json["access"]?.array ?? [] {
            guard let name = entry["name"]?.string else { continue }
            access[name, default: []].formUnion((entry["actions"]?.strings ?? []).compactMap(Action.init(rawValue:)))
        }
        let user = json["sub"]?.string ?? ""
        return Claims(user: user.isEmpty ? nil : user, access: access, expires: Int(expires))
    }
}

/// RFC 4648, section 5, without padding; decoding takes the usual alphabet and padding as well.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                out.append(alphabet[Int(bits >> count & 63)])
            }
        }
        if count > 0 { out.append(alphabet[Int(bits << (6 - count) & 63)]) }
        return String(decoding: out, as: UTF8.self)
    }

    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        var hasEnded = false
        for byte in text.utf8 {
            let value: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte) - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte) - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte) + 4
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            case UInt8(ascii: "="):
                hasEnded = true
                continue
            default: return nil
            }
            if hasEnded { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}
