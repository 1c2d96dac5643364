// SPDX-License-Identifier: Apache-2.0
// Who asks, and may he: passwords and tokens in, a caller or a challenge out.
import AsyncSystem
import Glibc
import HTTP
import Linux
import Logging
import Primitives
import Synchronization

/// Who sends a request.
struct Caller: Sendable {
    /// nil when nobody has proved anything.
    var user: String?
    /// What the caller came with; a password has no limits of its own.
    var token: AccessTokens.Claims?
    var isProved: Bool { user != nil || token != nil }
}

/// Decides on every request. Without users and rights everybody may do everything.
final class AccessControl: Sendable {
    private let passwords: PasswordFile?
    private let rightsPath: String?
    let tokens: AccessTokens
    let service: String
    private let isSecure: Bool
    private let logger: Logger
    private let rights: Mutex<(rights: Rights, bytes: [UInt8]?)>

    init(
        passwords: PasswordFile?, rightsPath: String?, tokens: AccessTokens, service: String, isSecure: Bool,
        logger: Logger
    ) throws {
        self.passwords = passwords
        self.rightsPath = rightsPath
        self.tokens = tokens
        self.service = service
        self.isSecure = isSecure
        self.logger = logger
        rights = Mutex((passwords == nil ? .open : .usersOnly, nil))
        if let rightsPath {
            let bytes = try TextFile.bytes(rightsPath, limit: 1 << 20)
            let parsed = try Rights(parsing: bytes)
            rights.withLock { $0 = (parsed, bytes) }
        }
    }

    var isEnabled: Bool { passwords != nil || rightsPath != nil }

    /// The rights in force now; a file that cannot be read leaves those before.
    func current() async -> Rights {
        guard let rightsPath else { return rights.withLock { $0.rights } }
        do {
            let bytes = try await Blocking.run { try TextFile.bytes(rightsPath, limit: 1 << 20) }
            if rights.withLock({ $0.bytes == bytes }) { return rights.withLock { $0.rights } }
            rights.withLock { $0.bytes = bytes }
            let parsed = try Rights(parsing: bytes)
            rights.withLock { $0.rights = parsed }
        } catch {
            logger.error(
                "the file of rights cannot be read: those before stay in force", metadata: ["error": "\(error)"])
        }
        return rights.withLock { $0.rights }
    }

    /// Who sends this request; a wrong password or token is refused, whatever was asked.
    func identify(_ request: HTTPRequest) async throws -> Caller {
        guard isEnabled, let header = request.headers["Authorization"] else { return Caller() }
        let parts = header.split(separator: " ", maxSplits: 1)
        switch parts.first?.lowercased() {
        case "basic":
            guard let (name, password) = Self.basic(parts.count > 1 ? parts[1] : "") else { break }
            return try await logIn(request, name, password)
        case "bearer":
            guard let claims = tokens.verify(parts.count > 1 ? String(parts[1]) : "", at: time(nil)) else {
                throw challenge(request, [], error: "invalid_token")
            }
            return Caller(user: claims.user, token: claims)
        default: break
        }
        throw challenge(request, [])
    }

    func logIn(_ request: HTTPRequest, _ name: String, _ password: String) async throws -> Caller {
        guard let passwords, try await passwords.verify(name, password) else {
            throw challenge(request, [], message: "incorrect username or password")
        }
        return Caller(user: name)
    }

    private static func basic(_ text: some StringProtocol) -> (String, String)? {
        guard let bytes = Base64URL.decode(text), let plain = String(validating: bytes, as: UTF8.self),
            let colon = plain.firstIndex(of: ":")
        else { return nil }
        return (String(plain[..<colon]), String(plain[plain.index(after: colon)...]))
    }

    /// Lets a request through or refuses it: 401 where a better proof would help, 403 where none would.
    func require(
        _ caller: Caller, _ needed: [Action], in repository: RepositoryName, _ request: HTTPRequest
    ) async throws {
        guard isEnabled else { return }
        let allowed = await current().actions(of: caller.user, in: repository)
        if Set(needed).isSubset(of: allowed) {
            guard let token = caller.token, !needed.allSatisfy({ token.allows($0, in: repository) }) else { return }
            throw challenge(request, [(repository, needed)], error: "insufficient_scope")
        }
        if caller.user == nil { throw challenge(request, [(repository, needed)]) }
        throw Refusal(403, .denied, "requested access to the resource is denied")
    }

    /// The repositories of a list that a caller may pull.
    func visible(_ repositories: [RepositoryName], to caller: Caller) async -> [RepositoryName] {
        guard isEnabled else { return repositories }
        let rights = await current()
        return repositories.filter { rights.actions(of: caller.user, in: $0).contains(.pull) }
    }

    /// Lists are for whoever has proved who he is, or for all where the unknown may pull something.
    func requireProof(_ caller: Caller, _ request: HTTPRequest) throws {
        if isEnabled, !caller.isProved { throw challenge(request, []) }
    }

    /// 401 with `WWW-Authenticate` (distribution-spec, "Authentication"; RFC 6750, 3): a token is to be had at `/token`, and a
    /// password is taken as well.
    func challenge(
        _ request: HTTPRequest, _ scopes: [(RepositoryName, [Action])], error: String? = nil,
        message: String = "authentication required"
    ) -> Refusal {
        var fields = ["realm=\"\(origin(request))/token\"", "service=\"\(service)\""]
        if !scopes.isEmpty {
            let text = scopes.map { "repository:\($0.0):\($0.1.map(\.rawValue).joined(separator: ","))" }
            fields.append("scope=\"\(text.joined(separator: " "))\"")
        }
        if let error { fields.append("error=\"\(error)\"") }
        return Refusal(
            401, .unauthorized, message, headers: [("WWW-Authenticate", "Bearer " + fields.joined(separator: ","))])
    }

    /// Where the client thinks that it is: a proxy before us may have another name and TLS.
    private func origin(_ request: HTTPRequest) -> String {
        let host = request.headers["Host"] ?? ""
        let isPlain =
            !host.isEmpty && host.utf8.count <= 255
            && host.utf8.allSatisfy {
                (48...58).contains($0) || (65...91).contains($0) || (97...122).contains($0) || $0 == 93 || $0 == 45
                    || $0 == 46
            }
        let forwarded = request.headers["X-Forwarded-Proto"]?.lowercased()
        let scheme = isSecure || forwarded == "https" ? "https" : "http"
        return "\(scheme)://\(isPlain ? host : "localhost")"
    }
}
