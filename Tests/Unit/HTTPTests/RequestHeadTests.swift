// SPDX-License-Identifier: Apache-2.0
// What is a request head and what is refused, in tables.
import Testing

@testable import HTTP

@Suite struct RequestHeadTests {
    private static func status(_ text: String) -> Int {
        do {
            _ = try RequestHead(parsing: Array(text.utf8))
            return 200
        } catch {
            return error.status
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1", 200), ("PROPFIND / HTTP/1.1", 200), ("GET /a%20b?c=d HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 200), ("GET http://host/path HTTP/1.1", 200), ("GET / HTTP/1.0", 200),
        ("GET /", 400), ("GET  / HTTP/1.1", 400), ("GET / HTTP/1.1 ", 400), (" GET / HTTP/1.1", 400),
        ("GET path HTTP/1.1", 400), ("GET / HTTPS/1.1", 400), ("G(T / HTTP/1.1", 400), ("GET /\u{0} HTTP/1.1", 400),
        ("GET /\u{7F} HTTP/1.1", 400), ("GET /a\tb HTTP/1.1", 400), ("", 400), ("GET http:///x HTTP/1.1", 400),
        ("GET / HTTP/2.0", 505), ("PRI * HTTP/2.0", 505), ("GET / HTTP/1.2", 505),
    ])
    func requestLine(_ line: String, _ expected: Int) {
        #expect(Self.status(line + "\r\nHost: a") == expected)
    }

    @Test(arguments: [
        ("A: b", 200), ("A:b", 200), ("A: \t b \t", 200), ("A:", 200), ("A: \u{e9}", 200), ("x-_.~!1: b", 200),
        ("A : b", 400), (" A: b", 400), ("A\t: b", 400), (": b", 400), ("A b", 400), ("A", 400), ("", 400),
        ("A: b\r\n folded", 400), ("A: b\r\n\tfolded", 400), ("A: b\u{0}", 400), ("A: b\u{7F}", 400),
        ("A: b\nC: d", 400), ("A: b\rC: d", 400), ("A: b\n", 400), ("A\u{301}: b", 400), ("A \u{301}: b", 400),
        ("Host: second", 400),
    ])
    func field(_ lines: String, _ expected: Int) {
        #expect(Self.status("GET / HTTP/1.1\r\nHost: a\r\n" + lines) == expected)
    }

    /// Smuggling lives off two readers that disagree about the end of a body (RFC 9112, 6.3 and 11.2).
    @Test(arguments: [
        (["Content-Length: 5"], RequestHead.Framing.length(5)), (["Content-Length: 0"], RequestHead.Framing.none),
        ([], RequestHead.Framing.none),
        (["Content-Length: 5", "content-length: 5"], .length(5)), (["Transfer-Encoding: chunked"], .chunked),
        (["TRANSFER-ENCODING: Chunked"], .chunked), (["Content-Length: 5", "Content-Length: 6"], nil),
        (["Content-Length: 5, 5"], nil), (["Content-Length: +5"], nil), (["Content-Length: -5"], nil),
        (["Content-Length: 0x5"], nil), (["Content-Length:"], nil), (["Content-Length: 99999999999999999999"], nil),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], nil), (["Transfer-Encoding: gzip, chunked"], nil),
        (["Transfer-Encoding: identity"], nil), (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], nil),
        (["Transfer-Encoding: xchunked"], nil), (["Transfer-Encoding:"], nil),
    ])
    func framing(_ fields: [String], _ expected: RequestHead.Framing?) {
        let text = (["POST / HTTP/1.1", "Host: a"] + fields).joined(separator: "\r\n")
        #expect((try? RequestHead(parsing: Array(text.utf8)))?.framing == expected)
    }

    @Test func hostIsRequired() {
        #expect(Self.status("GET / HTTP/1.1") == 400)
        #expect(Self.status("GET / HTTP/1.0") == 200)
        #expect(Self.status("GET / HTTP/1.1\r\nHost:") == 200)
        #expect(Self.status("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked") == 400)
    }

    @Test func tooManyFields() {
        let fields = (1...300).map { "A\($0): b" }.joined(separator: "\r\n")
        #expect(Self.status("GET / HTTP/1.1\r\nHost: a\r\n" + fields) == 431)
    }

    @Test func absoluteTargetLosesItsAuthority() throws {
        let head = try RequestHead(parsing: Array("GET http://u@host:1/a?b=c HTTP/1.1\r\nHost: host".utf8))
        #expect(head.target == "/a?b=c")
        #expect(try RequestHead(parsing: Array("GET http://host HTTP/1.1\r\nHost: host".utf8)).target == "/")
    }

    @Test(arguments: [
        ("close", true), ("Close", true), ("keep-alive, CLOSE", true), ("keep-alive ,close ", true),
        ("closed", false), ("keep-alive", false), ("", false), ("not close", false),
    ])
    func connectionIsAListOfTokens(_ value: String, _ expected: Bool) {
        #expect(HTTPHeaderFields([("connection", value)]).hasToken("Connection", "close") == expected)
        #expect(
            HTTPHeaderFields([("Connection", "x"), ("CONNECTION", value)]).hasToken("Connection", "close") == expected)
    }

    @Test(
        arguments: [
            ("a=b&c=d", ["a", "b", "c", "d"]), ("a=b+c%20d", ["a", "b c d"]), ("a", ["a", ""]), ("a=", ["a", ""]),
            ("a=b=c", ["a", "b=c"]), ("", []), ("&&a=1&", ["a", "1"]), ("%61=%C3%A9", ["a", "é"]), ("a=%", nil),
            ("a=%4", nil), ("a=%zz", nil), ("%=1", nil),
        ] as [(String, [String]?)])
    func query(_ text: String, _ expected: [String]?) {
        #expect(URLText.query(text)?.flatMap { [$0.name, $0.value] } == expected)
    }
}
