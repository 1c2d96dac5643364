// SPDX-License-Identifier: Apache-2.0
// The Engine API over blocking sockets: requests, version negotiation, streaming bodies and hijacked connections.
import Glibc
package import JSON
import Linux

/// Speaks to one daemon. Not thread-safe: a command is one thread that waits with poll(2).
package final class DockerClient {
    /// The newest API version this client knows.
    package static let maximumVersion = "1.51"
    package static let minimumVersion = "1.24"

    package let endpoint: HostEndpoint
    package let userAgent: String
    private let transport: Transport
    private let requestedVersion: String?
    private let extraHeaders: [(String, String)]
    private var idle: [Connection] = []
    private var ping: Ping?

    /// What the daemon says of itself before anything else.
    package struct Ping: Sendable {
        package var apiVersion: String
        package var operatingSystem: String
        package var experimental: Bool
        package var builderVersion: String
    }

    /// `apiVersion` is DOCKER_API_VERSION: it switches negotiation off. `headers` are config.json's `HttpHeaders`.
    package init(
        endpoint: HostEndpoint, apiVersion: String? = nil, userAgent: String = "apus", headers: [(String, String)] = []
    ) {
        self.endpoint = endpoint
        transport = Transport(endpoint: endpoint)
        requestedVersion = apiVersion.map { $0.hasPrefix("v") ? String($0.dropFirst()) : $0 }
        self.userAgent = userAgent
        extraHeaders = headers
    }

    /// The body of a request.
    package enum Body {
        case none
        case json(JSONValue)
        case bytes([UInt8], contentType: String)
        /// Chunks until nil, sent as they come.
        case stream(contentType: String, next: () throws -> ArraySlice<UInt8>?)
    }

    /// Asks the daemon who it is; once per client.
    package func identify() throws -> Ping {
        if let ping { return ping }
        let response = try exchange("HEAD", "/_ping", [], .none, [], prefix: "")
        _ = try response.readAll()
        let answer = Ping(
            apiVersion: response.header("api-version") ?? DockerClient.minimumVersion,
            operatingSystem: response.header("ostype") ?? "linux",
            experimental: response.header("docker-experimental") == "true",
            builderVersion: response.header("builder-version") ?? "")
        ping = answer
        return answer
    }

    /// The version in the path of requests: the smaller of both sides' newest, or what the user fixed.
    package func apiVersion() throws -> String {
        if let requestedVersion, !requestedVersion.isEmpty { return requestedVersion }
        let server = try identify().apiVersion
        return DockerClient.isOlder(server, than: DockerClient.maximumVersion) ? server : DockerClient.maximumVersion
    }

    /// Whether version `left` (`1.9`) is older than `right` (`1.24`).
    package static func isOlder(_ left: String, than right: String) -> Bool {
        let (a, b) = (left.split(separator: ".").map { Int($0) ?? 0 }, right.split(separator: ".").map { Int($0) ?? 0 })
        return a.lexicographicallyPrecedes(b)
    }

    /// Sends a request and throws `ClientError.response` for a status of 400 and above.
    @discardableResult
    package func call(
        _ method: String, _ path: String, query: [(String, String)] = [], body: Body = .none,
        headers: [(String, String)] = []
    ) throws -> HTTPResponse {
        let response = try exchange(method, path, query, body, headers, prefix: "/v" + apiVersion())
        try DockerClient.refuseErrors(response)
        return response
    }

    /// As `call`, the answer read as JSON.
    package func json(
        _ method: String, _ path: String, query: [(String, String)] = [], body: Body = .none,
        headers: [(String, String)] = []
    ) throws -> JSONValue {
        try call(method, path, query: query, body: body, headers: headers).json()
    }

    /// As `call`, the answer read to its end and dropped.
    package func perform(
        _ method: String, _ path: String, query: [(String, String)] = [], body: Body = .none
    ) throws {
        _ = try call(method, path, query: query, body: body).readAll()
    }

    /// A POST whose connection becomes a raw stream in both directions (attach, exec start).
    package func hijack(_ path: String, query: [(String, String)] = [], body: Body = .none) throws -> HTTPResponse {
        try call("POST", path, query: query, body: body, headers: [("Connection", "Upgrade"), ("Upgrade", "tcp")])
    }

    /// A connection nobody has spoken on yet.
    package func dial() throws -> Connection { try transport.connect() }

    private static func refuseErrors(_ response: HTTPResponse) throws {
        guard response.status >= 400 else { return }
        let bytes = try response.readAll(limit: 16 << 20)
        let text = Text.trimmed(String(decoding: bytes, as: UTF8.self))
        var message = text
        if let json = try? JSONValue.parse(bytes), let said = json["message"]?.string { message = Text.trimmed(said) }
        if message.isEmpty { message = "status \(response.status)" }
        throw ClientError.response(status: response.status, message: message)
    }

    private func exchange(
        _ method: String, _ path: String, _ query: [(String, String)], _ body: Body, _ headers: [(String, String)],
        prefix: String
    ) throws -> HTTPResponse {
        var target = prefix + path
        if !query.isEmpty {
            target += "?" + query.map { URLText.query($0.0) + "=" + URLText.query($0.1) }.joined(separator: "&")
        }
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(hostHeader)\r\nUser-Agent: \(userAgent)\r\n"
        for (name, value) in extraHeaders + headers { head += "\(name): \(value)\r\n" }
        var payload: [UInt8] = []
        var next: (() throws -> ArraySlice<UInt8>?)?
        switch body {
        case .none: if method == "POST" { head += "Content-Length: 0\r\n" }
        case .json(let value):
            payload = value.serialize()
            head += "Content-Type: application/json\r\nContent-Length: \(payload.count)\r\n"
        case .bytes(let bytes, let type):
            payload = bytes
            head += "Content-Type: \(type)\r\nContent-Length: \(payload.count)\r\n"
        case .stream(let type, let source):
            next = source
            head += "Content-Type: \(type)\r\nTransfer-Encoding: chunked\r\n"
        }
        head += "\r\n"
        let bytes = Array(head.utf8) + payload
        while true {
            let reused = idle.popLast()
            let connection = try reused ?? transport.connect()
            do {
                do {
                    try connection.write(bytes)
                    if let next { try send(next, on: connection) }
                } catch let error as ClientError where reused == nil && next != nil {
                    // The daemon may have answered (a refusal) and closed before the whole body was sent.
                    if let early = try? response(on: connection, method), early.status >= 400 { return early }
                    throw error
                }
                return try response(on: connection, method)
            } catch let error as ClientError {
                connection.close()
                // An idle connection may have been closed meanwhile: once more on a fresh one, if nothing was answered.
                if case .transport = error, reused != nil, next == nil, method != "POST" || isStale(error) { continue }
                throw error
            }
        }
    }

    private func isStale(_ error: ClientError) -> Bool {
        if case .transport(let text) = error { return text.hasPrefix("write to") || text.contains("without an answer") }
        return false
    }

    private func response(on connection: Connection, _ method: String) throws(ClientError) -> HTTPResponse {
        while true {
            let response = try HTTPResponse(on: connection, method: method) { [weak self] in self?.idle.append($0) }
            if response.status != 100 { return response }
        }
    }

    private func send(_ next: () throws -> ArraySlice<UInt8>?, on connection: Connection) throws {
        while let chunk = try next() {
            if chunk.isEmpty { continue }
            try connection.write(Array((String(chunk.count, radix: 16) + "\r\n").utf8))
            try connection.write(chunk)
            try connection.write([13, 10])
        }
        try connection.write(Array("0\r\n\r\n".utf8))
    }

    private var hostHeader: String {
        switch endpoint.address {
        case .unix, .ssh: "api.moby.localhost"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
