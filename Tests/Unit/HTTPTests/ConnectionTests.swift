// SPDX-License-Identifier: Apache-2.0
// Requests on one connection: order, bodies, refusals, and how the connection ends.
import HTTP
import Primitives
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    /// Answers with method, path and body; what cannot be read is 400 or 413. `/ignore` does not look at the body.
    private static let echo: HTTPServer.Handler = { request, responder in
        do {
            if request.rawPath == "/ignore" { return try await responder.send(403, body: Array("no".utf8)) }
            let body = try await request.collectBody(limit: 1 << 20)
            let head = "\(request.method) \(request.rawPath) "
            try await responder.send(200, body: Array(head.utf8) + body + Array(";".utf8))
        } catch let error as EngineError {
            let status = error.kind == .payloadTooLarge ? 413 : error.kind == .invalidArgument ? 400 : 500
            try await responder.send(status, body: Array(error.message.utf8))
        }
    }

    /// What a connection answers to these bytes until it closes.
    private func talk(_ text: String) async throws -> String {
        var answer = ""
        try await withServer(Self.echo) { _, path in
            let client = try RawClient(path)
            try await client.send(text)
            answer = try await client.readAll()
        }
        return answer
    }

    private static func statuses(_ answer: String) -> [String] {
        answer.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
    }

    private static let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    @Test func oneRequestAfterAnother() async throws {
        try await withServer(Self.echo) { server, path in
            let client = try RawClient(path)
            for number in 1...3 {
                try await client.send("POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
                let answer = try await client.read(until: ";")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nServer: test\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nPOST /\(number) hi;"))
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let answer = try await talk(
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nB"
                + "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nC\r\n0\r\n\r\n" + Self.last)
        #expect(Self.statuses(answer) == ["200", "200", "200", "200"])
        let bodies = answer.split(separator: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != ";" } }
        #expect(bodies == ["GET /a ", "POST /b B", "POST /c C", "GET /last "])
    }

    @Test func closesAsAsked() async throws {
        #expect(try await talk("GET / HTTP/1.0\r\n\r\n").contains("Connection: close"))
        let listed = "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n"
        #expect(try await talk(listed).contains("Connection: close"))
        let head = try await talk("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(head.contains("Content-Length: 8\r\n") && head.hasSuffix("\r\n\r\n"))
    }

    /// The rest of a body nobody read must not be taken for the next request.
    @Test func anIgnoredBodyIsNoRequest() async throws {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        let answer = try await talk(
            "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n" + smuggled + Self.last)
        #expect(Self.statuses(answer) == ["403", "200"])
        #expect(!answer.contains("smuggled"))
        let chunked = try await talk(
            "POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(Self.statuses(chunked) == ["403"] && chunked.contains("Connection: close"))
    }

    @Test(
        arguments: [
            ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("3;name=value\r\nabc\r\n0\r\n\r\n", "abc"),
            ("A \r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("003\r\nabc\r\n00\r\nTrailer: x\r\n\r\n", "abc"), ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
            ("-3\r\nabc\r\n0\r\n\r\n", nil), ("+3\r\nabc\r\n0\r\n\r\n", nil), ("0x3\r\nabc\r\n0\r\n\r\n", nil),
            ("\r\nabc", nil),
            ("g\r\nabc\r\n0\r\n\r\n", nil), ("3\nabc\r\n0\r\n\r\n", nil), ("3\r\nabcd\r\n0\r\n\r\n", nil),
            ("3\r\nabc\n0\r\n\r\n", nil),
            ("FFFFFFFFFFFFFFFFF\r\n", nil), ("3;" + String(repeating: "x", count: 5000) + "\r\nabc\r\n0\r\n\r\n", nil),
            (String(repeating: "1;" + String(repeating: "x", count: 1000) + "\r\na\r\n", count: 50) + "0\r\n\r\n", nil),
            (String(repeating: "1\r\na\r\n", count: 1000) + "0\r\n\r\n", String(repeating: "a", count: 1000)),
        ] as [(String, String?)])
    func chunkedBody(_ body: String, _ expected: String?) async throws {
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        let answer = try await talk(head + body)
        if let expected {
            #expect(answer.hasSuffix("POST /c \(expected);"))
        } else {
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\nServer: test\r\n"), "\(answer)")
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}", 400),
        ("GET / HTTP/1.1\r\nHost: a\u{0}\r\n\r\n", 400), ("PRI * HTTP/2.0\r\n\r\n", 505),
        ("GET /?a=% HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: " + String(repeating: "b", count: 100_000) + "\r\n\r\n", 431),
        ("GET /" + String(repeating: "b", count: 100_000), 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ])
    func badHeads(_ text: String, _ status: Int) async throws {
        let answer = try await talk(text)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        for field in ["Server: test", "Content-Type: application/json", "Connection: close"] {
            #expect(answer.contains("\r\n\(field)\r\n"))
        }
        #expect(answer.contains("{\"message\":"))
    }

    @Test func continueComesWhenTheBodyIsRead() async throws {
        try await withServer(Self.echo) { _, path in
            let client = try RawClient(path)
            try await client.send("POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
            #expect(try await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("abc")
            #expect(try await client.read(until: ";").hasSuffix("POST /e abc;"))
            // Nothing to wait for: no body, no 100.
            try await client.send("GET /n HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await client.read(until: ";").hasPrefix("HTTP/1.1 200"))
        }
    }

    /// A client that was refused before `100 Continue` may send the body or the next request: nobody knows, so it ends.
    @Test(arguments: ["/ignore", "/large"])
    func noContinueEndsTheConnection(_ target: String) async throws {
        let answer = try await talk(
            "POST \(target) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n" + Self.last)
        #expect(Self.statuses(answer) == [target == "/ignore" ? "403" : "413"])
        #expect(answer.contains("Connection: close"))
    }

    /// The client writes all of it before it looks for an answer; it must find one, not a broken pipe.
    @Test(arguments: [true, false])
    func tooLargeABodyIsAnswered(_ isChunked: Bool) async throws {
        let body = [UInt8](repeating: 120, count: 20_000_000)
        try await withServer(Self.echo) { server, path in
            let client = try RawClient(path)
            let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)"
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
            if isChunked { try await client.send(String(body.count, radix: 16) + "\r\n") }
            try await client.send(body)
            let answer = try await client.readAll()
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains("Connection: close"))
            client.finishSending()
            try await eventually("the connection is gone") { server.connectionCount == 0 }
        }
    }
}
