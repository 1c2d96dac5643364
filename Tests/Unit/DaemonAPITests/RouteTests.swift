// SPDX-License-Identifier: Apache-2.0
// Which handler a path finds, and what the table answers when there is none.
import DockerAPI
import Engine
import HTTP
import JSON
import Logging
import Primitives
import Testing

@testable import DaemonAPI

@Suite struct RouteMatchTests {
    @Test(
        arguments: [
            ("/containers/json", "containers/json", [:]), ("/containers/json", "containers", nil),
            ("/containers/json", "containers/json/x", nil),
            ("/containers/{id}/json", "containers/web/json", ["id": "web"]),
            ("/containers/{id}/json", "containers/json", nil), ("/images/{name*}/json", "images/a/json", ["name": "a"]),
            ("/images/{name*}/json", "images/host:1/a/b/json", ["name": "host:1/a/b"]),
            ("/images/{name*}/json", "images/json", nil), ("/images/{name*}", "images/a/b", ["name": "a/b"]),
            ("/images/{name*}", "images", nil), ("/x/{a}/{b}", "x/1/2", ["a": "1", "b": "2"]), ("/", "", [:]),
        ] as [(String, String, [String: String]?)])
    func match(_ pattern: String, _ path: String, _ expected: [String: String]?) {
        let route = Route("GET", pattern) { _ in }
        #expect(route.match(path.split(separator: "/").map(String.init)) == expected)
    }

    @Test func statusOfEveryKind() {
        let table: [(EngineError.Kind, Int)] = [
            (.invalidArgument, 400), (.unauthorized, 401), (.forbidden, 403), (.notFound, 404), (.notAcceptable, 406),
            (.conflict, 409), (.notModified, 304), (.payloadTooLarge, 413), (.unsupportedMediaType, 415),
            (.internalError, 500), (.notImplemented, 501), (.unavailable, 503),
        ]
        for (kind, code) in table { #expect(Status(for: EngineError(kind, "text")).code == code) }
        #expect(Status(for: EngineError(.conflict, "text")).message == "text")
        struct Unclassified: Error {}
        #expect(Status(for: Unclassified()).code == 500)
    }
}

@Suite(.timeLimit(.minutes(1))) struct RouteTableTests {
    /// Routes that answer with what they read.
    private static let routes = [
        Route("GET", "/_ping") { call in try await call.responder.send(200, body: Array("OK".utf8)) },
        Route("GET", "/things/{id}") { call in
            try await call.replyValue([
                "id": .string(call.parameter("id")), "flag": .bool(call.flag("flag")),
                "n": .int(Int64(try call.integer("n") ?? -1)),
                "text": call.text("text").map { .string($0) } ?? .null,
                "names": .array(call.request.queryAll("name").map { .string($0) }),
            ])
        },
        Route("GET", "/images/{name*}/json") { call in
            try await call.replyValue(["name": .string(call.parameter("name"))])
        },
        Route("POST", "/things") { call in
            let request = try await call.decode(ExecStartRequest.self)
            try await call.replyValue(["detach": .bool(request.detach)])
        },
        Route("GET", "/refused") { call in
            try call.refuse("platform")
            try await call.replyEmpty()
        },
        Route("GET", "/filters") { call in
            try await call.replyValue(["label": .array((try call.filters()["label"] ?? []).map { .string($0) })])
        },
        Route("GET", "/fails") { _ in throw EngineError.conflict("say \"no\"") },
        Route("GET", "/same") { _ in throw EngineError.notModified("already") },
        Route("GET", "/breaks") { call in
            try await call.responder.stream(200, [])
            try await call.responder.write(Array("part".utf8))
            throw EngineError.internalError("gone")
        },
    ]

    private static func ask(
        _ method: String, _ target: String, _ headers: [String] = [], body: String? = nil
    ) async throws -> Answer {
        let table = RouteTable(routes, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await answer(of: { try await table.handle($0, $1) }, to: method, target, headers, body: body)
    }

    @Test(arguments: [
        ("GET", "/_ping", 200), ("HEAD", "/_ping", 200), ("GET", "/v1.24/_ping", 200), ("HEAD", "/v1.51/_ping", 200),
        ("GET", "/things/a", 200), ("GET", "/v1.43/things/a", 200), ("GET", "//things//a", 200),
        ("HEAD", "/things/a", 404),
        ("POST", "/things/a", 404), ("GET", "/things", 404), ("GET", "/", 404), ("GET", "/v1.43", 404),
        ("GET", "/v1/things/a", 404),
        ("GET", "/things/a%zz", 400), ("GET", "/things/a%00", 400), ("GET", "/fails", 409), ("GET", "/same", 304),
    ])
    func status(_ method: String, _ target: String, _ expected: Int) async throws {
        let answer = try await Self.ask(method, target)
        #expect(answer.status == expected)
        if expected == 404, method != "HEAD" { #expect(answer.message == "page not found") }
    }

    @Test(arguments: [
        (
            "v1.23",
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"
        ),
        (
            "v1.9",
            "client version 1.9 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"
        ),
        ("v1.99", "client version 1.99 is too new. Maximum supported API version is 1.51"),
        ("v2.0", "client version 2.0 is too new. Maximum supported API version is 1.51"),
    ])
    func versionNegotiation(_ version: String, _ message: String) async throws {
        let answer = try await Self.ask("GET", "/\(version)/things/a")
        #expect(answer.status == 400)
        #expect(answer.message == message)
    }

    @Test func parametersAreDecoded() async throws {
        let answer = try await Self.ask("GET", "/things/a%2Fb%20c?flag=True&n=-5&text=x+y%26z&name=1&name=2")
        #expect(answer.json?["id"]?.string == "a/b c")
        #expect(answer.json?["flag"]?.bool == true)
        #expect(answer.json?["n"]?.int == -5)
        #expect(answer.json?["text"]?.string == "x y&z")
        #expect(answer.json?["names"]?.array?.count == 2)
        let absent = try await Self.ask("GET", "/things/a?text=&flag=0")
        #expect(absent.json?["text"] == .null)
        #expect(absent.json?["flag"]?.bool == false)
        #expect(try await Self.ask("GET", "/images/host:5000/a/b:v1/json").json?["name"]?.string == "host:5000/a/b:v1")
        let bad = try await Self.ask("GET", "/things/a?n=five")
        #expect(bad.status == 400 && bad.message == "strconv.Atoi: parsing \"five\": invalid syntax")
        #expect(try await Self.ask("GET", "/things/a?n=%").status == 400)
    }

    @Test func filtersInBothSpellings() async throws {
        for spelling in [#"{"label":["a=b"]}"#, #"{"label":{"a=b":true}}"#] {
            let escaped = spelling.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(try await Self.ask("GET", "/filters?filters=\(escaped)").json?["label"]?.array == [.string("a=b")])
        }
        #expect(try await Self.ask("GET", "/filters?filters=%7B").status == 400)
    }

    @Test func unsupportedParametersAreNamed() async throws {
        #expect(try await Self.ask("GET", "/refused").status == 204)
        #expect(try await Self.ask("GET", "/refused?platform=").status == 204)
        let answer = try await Self.ask("GET", "/refused?platform=linux%2Farm64")
        #expect(answer.status == 501)
        #expect(answer.message == "the parameter platform is not supported yet")
    }

    @Test(arguments: [
        ("{\"Detach\":true}", "application/json", 200), ("{\"Detach\":true}", "Application/JSON; charset=utf-8", 200),
        ("{}", "application/json", 200), ("{\"Unknown\":1}", "application/json", 200), ("{", "application/json", 400),
        ("nonsense", "application/json", 400), ("[]", "application/json", 400),
        ("{\"Detach\":5}", "application/json", 400),
        ("{\"Detach\":true", "application/json", 400), ("{}", "text/plain", 415), ("{}", "", 415),
    ])
    func bodies(_ body: String, _ type: String, _ expected: Int) async throws {
        let answer = try await Self.ask("POST", "/things", type.isEmpty ? [] : ["Content-Type: \(type)"], body: body)
        #expect(answer.status == expected, "\(answer.text)")
        if expected != 200 { #expect(answer.message?.isEmpty == false) }
    }

    @Test func aBrokenBodyIsTheClientsError() async throws {
        let headers = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
        let answer = try await Self.ask("POST", "/things", headers, body: "zz\r\n{}\r\n0\r\n\r\n")
        #expect(answer.status == 400 && answer.message == "invalid chunk length")
    }

    @Test func errorsAreJSON() async throws {
        let answer = try await Self.ask("GET", "/fails")
        #expect(answer.message == "say \"no\"")
        #expect(answer.text.contains("Content-Type: application/json\r\n"))
        #expect(try await Self.ask("GET", "/same").body == "")
    }

    /// After the first byte only a missing end can tell that something went wrong.
    @Test func anAnswerThatBreaksOffHasNoEnd() async throws {
        let answer = try await Self.ask("GET", "/breaks")
        #expect(answer.status == 200)
        #expect(answer.body == "4\r\npart\r\n")
    }
}

extension APICall {
    fileprivate func replyValue(_ object: JSONValue) async throws {
        try await responder.send(200, [("Content-Type", "application/json")], body: object.serialize())
    }
}
