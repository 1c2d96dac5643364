// SPDX-License-Identifier: Apache-2.0
// HTTP with one repository of a registry: authentication, retries, limits (distribution-spec 1.1).
import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI
import Primitives
import Synchronization

/// Speaks to one repository. Tokens are kept for its life, which is one pull or push.
final class RegistryClient: Sendable {
    let endpoint: RegistryPolicy.Endpoint
    let path: String
    private let credentials: Credentials
    private let http: HTTPClient
    private let authorization = Mutex<String?>(nil)
    private let actions: String

    init(
        endpoint: RegistryPolicy.Endpoint, path: String, credentials: Credentials, http: HTTPClient,
        actions: String = "pull"
    ) {
        self.endpoint = endpoint
        self.path = path
        self.credentials = credentials
        self.http = http
        self.actions = actions
        if !credentials.registryToken.isEmpty { authorization.withLock { $0 = "Bearer " + credentials.registryToken } }
    }

    static let manifestTypes = [
        MediaType.ociIndex, MediaType.dockerList, MediaType.ociManifest, MediaType.dockerManifest,
        MediaType.dockerSchema1Signed,
        MediaType.dockerSchema1,
    ]

    func url(_ suffix: String) -> String { "\(endpoint.url)/v2/\(path)/\(suffix)" }

    /// Sends a request, proving who asks when the registry wants to know. A status of 400 and above is an error, except
    /// those in `accepting`.
    func send(
        _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [], body: HTTPClientRequest.Body? = nil,
        accepting: Set<UInt> = [], timeout: TimeAmount = .seconds(120)
    ) async throws -> HTTPClientResponse {
        try Self.checkScheme(url)
        var challenged = false
        while true {
            var request = HTTPClientRequest(url: url)
            request.method = method
            request.headers.add(contentsOf: [("User-Agent", "apus")] + headers)
            // Proof is for the registry alone: it may send us elsewhere, to upload for instance, but not with it.
            if Self.origin(url) == Self.origin(endpoint.url), let header = authorization.withLock({ $0 }) {
                request.headers.add(name: "Authorization", value: header)
            }
            request.body = body
            let response: HTTPClientResponse
            do {
                response = try await http.execute(request, timeout: timeout)
            } catch let error where !(error is CancellationError) {
                throw EngineError(.internalError, "Get \"\(url)\": \(Self.explain(error, url))", cause: error)
            }
            let status = UInt(response.status.code)
            if status == 401, !challenged, let header = response.headers.first(name: "WWW-Authenticate"),
                let challenge = Challenge(header)
            {
                challenged = true
                _ = try? await response.body.collect(upTo: 64 << 10)
                try await answer(challenge)
                continue
            }
            if status < 400 || accepting.contains(status) { return response }
            let text = (try? await response.body.collect(upTo: 64 << 10)).map { Array($0.readableBytesView) } ?? []
            throw RegistryError(status: Int(status), body: text, what: url)
        }
    }

    /// `send` for requests without effects: tried again with growing pauses when the registry is overloaded or gone.
    func fetch(
        _ method: HTTPMethod = .GET, _ url: String, headers: [(String, String)] = [], accepting: Set<UInt> = []
    ) async throws -> HTTPClientResponse {
        var pause = 0.2
        for attempt in 1... {
            do {
                let response = try await send(
                    method, url, headers: headers, accepting: accepting.union([429, 500, 502, 503, 504]))
                let status = UInt(response.status.code)
                let isBusy = status == 429 || status >= 500
                if !isBusy || accepting.contains(status) { return response }
                guard attempt < 4 else {
                    let body =
                        (try? await response.body.collect(upTo: 64 << 10)).map { Array($0.readableBytesView) } ?? []
                    throw RegistryError(status: Int(status), body: body, what: url)
                }
                if let wanted = response.headers.first(name: "Retry-After").flatMap(Double.init) {
                    pause = min(max(pause, wanted), 30)
                }
            } catch let error as EngineError where attempt < 3 && !Self.isFinal(error) {
                // The connection broke; the next try may find it whole.
            }
            try await Task.sleep(for: .seconds(pause))
            pause *= 2
        }
        throw CancellationError()
    }

    /// A whole document of at most `limit` bytes. Tried again when the connection breaks in its middle.
    func document(_ url: String, headers: [(String, String)] = [], limit: Int = 8 << 20) async throws -> (
        bytes: [UInt8], headers: HTTPHeaders
    ) {
        for attempt in 1... {
            let response = try await fetch(.GET, url, headers: headers)
            do {
                let body = try await response.body.collect(upTo: limit)
                return (Array(body.readableBytesView), response.headers)
            } catch is NIOTooManyBytesError {
                throw EngineError.invalidArgument("\(url): larger than \(limit) bytes")
            } catch let error where attempt < 3 && !(error is CancellationError) {
                try await Task.sleep(for: .milliseconds(100 << attempt))
            } catch let error where !(error is CancellationError) {
                throw EngineError.internalError("Get \"\(url)\": unexpected EOF", cause: error)
            }
        }
        throw CancellationError()
    }

    /// The HTTP client also speaks to unix sockets; a registry has no business with those of this machine.
    private static func checkScheme(_ url: String) throws {
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw EngineError.invalidArgument(
                "the registry named an address that is no web address: \(url.prefix(200))")
        }
    }

    /// `scheme://host:port` of a URL.
    static func origin(_ url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/").prefix { $0 != "?" && $0 != "#" }.lowercased()
    }

    private static func isFinal(_ error: EngineError) -> Bool {
        error.message.contains("connection refused") || error.message.contains("no such host")
            || error.message.contains("certificate")
            || error.message.contains("HTTPS client")
    }

    private func answer(_ challenge: Challenge) async throws {
        switch challenge.scheme {
        case "basic":
            guard !credentials.username.isEmpty else { return }
            authorization.withLock { $0 = credentials.basic }
        case "bearer": try await fetchToken(challenge)
        default: return
        }
    }

    /// Token authentication (distribution, docs/spec/auth/token.md).
    private func fetchToken(_ challenge: Challenge) async throws {
        guard let realm = challenge.parameters["realm"] else { return }
        try Self.checkScheme(realm)
        guard realm.hasPrefix("https://") || endpoint.isInsecure || credentials.isEmpty else {
            throw EngineError.invalidArgument("the registry wants credentials sent in clear to \(realm.prefix(200))")
        }
        var query: [String] = []
        if let service = challenge.parameters["service"] { query.append("service=" + Self.escaped(service)) }
        query.append("scope=" + Self.escaped(challenge.parameters["scope"] ?? "repository:\(path):\(actions)"))
        var request = HTTPClientRequest(url: realm + (realm.contains("?") ? "&" : "?") + query.joined(separator: "&"))
        request.headers.add(name: "User-Agent", value: "apus")
        if !credentials.identityToken.isEmpty {
            request = HTTPClientRequest(url: realm)
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(
                Array(
                    (query + [
                        "grant_type=refresh_token", "client_id=apus",
                        "refresh_token=" + Self.escaped(credentials.identityToken),
                    ])
                    .joined(separator: "&").utf8))
        } else if !credentials.username.isEmpty {
            request.headers.add(name: "Authorization", value: credentials.basic)
        }
        let response = try await http.execute(request, timeout: .seconds(30))
        let body = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        guard response.status.code < 400 else {
            throw RegistryError(status: Int(response.status.code), body: body, what: realm)
        }
        let json = try? JSONValue.parse(body)
        guard let token = json?["token"]?.string ?? json?["access_token"]?.string else {
            throw EngineError.internalError("authorization server did not include a token in the response")
        }
        authorization.withLock { $0 = "Bearer " + token }
    }

    /// A connection's failure in the words Docker's users search for.
    private static func explain(_ error: any Error, _ url: String) -> String {
        let text = "\(error)"
        let host = url.split(separator: "/").dropFirst().first.map(String.init) ?? url
        if text.contains("ECONNREFUSED") || text.contains("onnection refused") || text.contains("errno: 111") {
            return "dial tcp \(host): connect: connection refused"
        }
        if text.contains("UnknownHost") {
            return "dial tcp: lookup \(host.split(separator: ":").first ?? ""): no such host"
        }
        if text.contains("NIOConnectionError") || text.contains("unknownHost") || text.contains("dnsAError") {
            return text.contains("dnsAError: nil")
                || !text.contains("dnsAError: Optional") && text.contains("connectionErrors: [")
                ? "dial tcp \(host): connect: connection refused" : "dial tcp: lookup \(host): no such host"
        }
        if text.contains("WRONG_VERSION_NUMBER") { return "http: server gave HTTP response to HTTPS client" }
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "tls: failed to verify certificate" }
        if text.contains("imeout") || text.contains("deadlineExceeded") {
            return "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
        }
        return text
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + hexString([byte]).uppercased()
            }
        }
        return out
    }
}
