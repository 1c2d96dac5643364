// SPDX-License-Identifier: Apache-2.0
// Reading a call's parameters and body, and writing its answer.
import DockerAPI
import Engine
import HTTP
import JSON
import Primitives

extension APICall {
    /// Largest JSON body. Configurations are a few kilobytes; nothing legitimate comes near.
    static let bodyLimit = 8 << 20

    /// Docker's booleans: empty, 0, no, false and none are false.
    func flag(_ name: String, default value: Bool = false) -> Bool {
        guard let text = request.query(name) else { return value }
        return !["", "0", "no", "false", "none"].contains(text.lowercased())
    }

    func text(_ name: String) -> String? { request.query(name).flatMap { $0.isEmpty ? nil : $0 } }

    func integer(_ name: String) throws -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text) else {
            throw EngineError.invalidArgument("strconv.Atoi: parsing \"\(text)\": invalid syntax")
        }
        return value
    }

    func filters() throws -> Filters { try Filters(parsing: request.query("filters")) }

    func time(_ name: String) throws -> Timestamp? {
        guard let text = text(name), text != "0" else { return nil }
        return try TimeFilter.parse(text)
    }

    /// The body of a request that must be JSON.
    func body() async throws -> [UInt8] {
        let type = request.headers["Content-Type"]?.split(separator: ";").first.map {
            $0.filter { $0 != " " }.lowercased()
        }
        let bytes = try await request.collectBody(limit: Self.bodyLimit)
        if type == nil && bytes.isEmpty { return bytes }
        guard type == "application/json" else {
            throw EngineError(
                .unsupportedMediaType, "unsupported Content-Type header (\(type ?? "")): must be 'application/json'")
        }
        return bytes
    }

    func decode<T: Decodable>(_ type: T.Type) async throws -> T { try WireJSON.decode(type, from: try await body()) }

    /// Refuses query parameters whose meaning Docker knows and apus does not have yet.
    func refuse(_ names: String...) throws {
        for name in names where text(name) != nil && flag(name) {
            throw EngineError.notImplemented("the parameter \(name) is not supported yet")
        }
    }

    func reply(_ value: some Encodable, status: Int = 200) async throws {
        try await responder.send(
            status, [("Content-Type", "application/json")], body: try WireJSON.encode(value) + [10])
    }

    func replyEmpty(_ status: Int = 204) async throws { try await responder.send(status) }

    /// Registry credentials of X-Registry-Auth: base64url of JSON; absent or `{}` is anonymous.
    func registryAuth() throws -> AuthConfig? {
        guard let header = request.headers["X-Registry-Auth"], !header.isEmpty else { return nil }
        var bits: UInt32 = 0
        var count = 0
        var bytes: [UInt8] = []
        for byte in header.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8
            switch byte {
            case 65...90: value = byte - 65
            case 97...122: value = byte - 71
            case 48...57: value = byte + 4
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            default: throw EngineError.invalidArgument("invalid X-Registry-Auth header: illegal base64 data")
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return try WireJSON.decode(AuthConfig.self, from: bytes)
    }

    /// Runs work that reports lines of progress. The head goes out with the first line: an error before it is an ordinary
    /// answer, one after it a line of the stream. Where Docker tells every error in the stream, `failsInStream` does.
    func progressStream(
        failsInStream: Bool = false, _ work: (@escaping ProgressSink) async throws -> Void
    ) async throws {
        let responder = self.responder
        do {
            try await work { message in
                if !responder.isStarted { try await responder.stream(200, [("Content-Type", "application/json")]) }
                try await responder.write(try WireJSON.encode(message) + [13, 10])
            }
        } catch {
            if !responder.isStarted {
                guard failsInStream, !(error is CancellationError) else { throw error }
                try await responder.stream(200, [("Content-Type", "application/json")])
            }
            let text = Status(for: error).message
            let line: JSONValue = ["errorDetail": ["message": .string(text)], "error": .string(text)]
            try await responder.write(line.serialize() + [13, 10])
        }
        if !responder.isStarted { try await responder.stream(200, [("Content-Type", "application/json")]) }
        try await responder.finish()
    }
}
