// SPDX-License-Identifier: Apache-2.0
// One request to a handler over a real connection, so that a test sees what a client sees.
import AsyncSystem
import CLinux
import Glibc
import HTTP
import JSON
import Linux
import Logging

/// What came back until the connection closed.
struct Answer {
    let text: String

    var status: Int { Int(text.dropFirst(9).prefix(3)) ?? 0 }
    var body: String { text.range(of: "\r\n\r\n").map { String(text[$0...]) } ?? "" }
    var json: JSONValue? { try? JSONValue.parse(body) }
    var message: String? { json?["message"]?.string }
}

extension String {
    /// Where the text behind the first occurrence begins.
    fileprivate func range(of separator: String) -> String.Index? {
        var index = startIndex
        while index < endIndex {
            if self[index...].utf8.starts(with: separator.utf8) {
                return utf8.index(index, offsetBy: separator.utf8.count)
            }
            index = utf8.index(after: index)
        }
        return nil
    }
}

/// Serves `handler` on a socket of its own and asks once.
func answer(
    of handler: @escaping HTTPServer.Handler, to method: String, _ target: String, _ headers: [String], body: String?
) async throws -> Answer {
    var template = Array("/tmp/apus-api-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(call: "mkdtemp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { rmdir(folder) }
    let server = HTTPServer(common: [], logger: Logger(label: "test"), handler: handler)
    try await server.listen(on: .unix(path: folder + "/s", group: nil))
    var lines = ["\(method) \(target) HTTP/1.1", "Host: a", "Connection: close"] + headers
    if let body, !headers.contains(where: { $0.hasPrefix("Transfer-Encoding") }) {
        lines.append("Content-Length: \(body.utf8.count)")
    }
    let result: Result<String, any Error>
    do {
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
        result = .success(try await exchange(folder + "/s", Array(text.utf8)))
    } catch {
        result = .failure(error)
    }
    await server.close(limit: .zero)
    return Answer(text: try result.get())
}

private func exchange(_ path: String, _ bytes: [UInt8]) async throws -> String {
    let owned = OwnedFD(
        try check("socket") {
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        })
    let fd = owned.raw
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    try withUnsafePointer(to: &address) { pointer in
        _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            try check("connect") { apus_connect(fd, address, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
    // A request of a test fits into the socket's buffer.
    try checkLength("send") { send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = recv(fd, &buffer, buffer.count, 0)
        if count == 0 { return String(decoding: all, as: UTF8.self) }
        if count > 0 {
            all += buffer[..<count]
        } else if errno == EAGAIN {
            try await Reactor.shared.readable(fd)
        } else {
            throw Errno(call: "recv")
        }
    }
}
