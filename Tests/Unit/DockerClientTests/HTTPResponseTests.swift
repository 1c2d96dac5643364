// SPDX-License-Identifier: Apache-2.0
// Answers as bytes on a socket pair: lengths, chunks, and what is no HTTP.
import Glibc
import Testing

@testable import DockerClient

@Suite struct HTTPResponseTests {
    func response(_ text: String, method: String = "GET") throws -> HTTPResponse {
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let bytes = Array(text.utf8)
        #expect(write(pair[1], bytes, bytes.count) == bytes.count)
        close(pair[1])
        return try HTTPResponse(on: Connection(descriptor: pair[0]), method: method) { _ in }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n", "abc"),
        ("HTTP/1.1 101 UPGRADED\r\n\r\nraw", "raw"), ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end"),
    ])
    func readsBodies(_ text: String, _ body: String) throws {
        #expect(String(decoding: try response(text).readAll(), as: UTF8.self) == body)
    }

    @Test(arguments: ["", "garbage\r\n\r\n", "HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n"])
    func refusesHeads(_ text: String) { #expect(throws: ClientError.self) { try response(text) } }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ])
    func noticesTruncation(_ text: String) throws {
        let response = try response(text)
        #expect(throws: ClientError.self) { try response.readAll() }
    }

    @Test func giveHeadAnswersNoBody() throws {
        #expect(try response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method: "HEAD").readAll().isEmpty)
    }
}
