// SPDX-License-Identifier: Apache-2.0
// `/token`: a password in, a bearer token out (distribution, docs/spec/auth/token.md and oauth.md).
import Glibc
import HTTP
import JSON
import Primitives

enum TokenRoutes {
    private static let scopeLimit = 50

    static func serve(_ call: RegistryCall) async throws {
        let access = call.context.access
        guard access.isEnabled else { throw Refusal(404, .unsupported, "this registry has no users") }
        switch call.request.method {
        case "GET":
            var caller = try await basic(call)
            caller.token = nil
            try await answer(call, caller, scopes: call.request.queryAll("scope"))
        case "POST":
            let body = try await call.request.collectBody(limit: 64 << 10)
            guard let fields = URLText.query(String(decoding: body, as: UTF8.self)) else {
                throw Refusal(400, .unsupported, "invalid form")
            }
            func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
            guard field("grant_type") == "password", let name = field("username"), let password = field("password")
            else {
                let json: JSONValue = [
                    "error": "unsupported_grant_type", "error_description": "this registry takes passwords only",
                ]
                return try await call.responder.send(
                    400, [("Content-Type", "application/json")], body: json.serialize() + [10])
            }
            let caller = try await access.logIn(call.request, name, password)
            try await answer(call, caller, scopes: fields.filter { $0.name == "scope" }.map(\.value))
        default: throw call.refuseMethod(allowing: "GET, POST")
        }
    }

    /// A wrong password is a refusal; none is somebody unknown, who may have rights as well.
    private static func basic(_ call: RegistryCall) async throws -> Caller {
        guard let header = call.request.headers["Authorization"] else { return Caller() }
        guard header.lowercased().hasPrefix("basic ") else {
            throw Refusal(401, .unauthorized, "a token is given for a password")
        }
        return try await call.context.access.identify(call.request)
    }

    private static func answer(_ call: RegistryCall, _ caller: Caller, scopes: [String]) async throws {
        let rights = await call.context.access.current()
        var granted: [String: Set<Action>] = [:]
        let wanted = scopes.flatMap { $0.split(separator: " ") }.prefix(scopeLimit)
        for scope in wanted {
            guard let (repository, actions) = parse(scope) else { continue }
            granted[repository.text, default: []].formUnion(
                actions.intersection(rights.actions(of: caller.user, in: repository)))
        }
        let now = time(nil)
        let claims = AccessTokens.Claims(user: caller.user, access: granted, expires: now + AccessTokens.lifetime)
        let token = call.context.access.tokens.issue(claims, at: now)
        let answer: JSONValue = [
            "token": .string(token), "access_token": .string(token), "expires_in": .int(Int64(AccessTokens.lifetime)),
            "issued_at": .string(Timestamp(seconds: Int64(now)).rfc3339Nano),
        ]
        try await ListRoutes.send(call, answer, [("Cache-Control", "no-store")])
    }

    /// `repository:team/app:pull,push`; `*` is everything. Scopes of other kinds give nothing.
    static func parse(_ scope: Substring) -> (RepositoryName, Set<Action>)? {
        let parts = scope.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0] == "repository", let colon = parts[1].lastIndex(of: ":"),
            let repository = RepositoryName(String(parts[1][..<colon]))
        else { return nil }
        let words = parts[1][parts[1].index(after: colon)...].split(separator: ",")
        if words.contains("*") { return (repository, Set(Action.allCases)) }
        return (repository, Set(words.compactMap { Action(rawValue: String($0)) }))
    }
}
