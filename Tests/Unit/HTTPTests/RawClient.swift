// SPDX-License-Identifier: Apache-2.0
// A server on a unix socket in a folder of its own, and a client that sends bytes instead of requests.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Logging
import Testing

@testable import HTTP

/// Bytes to and from a unix socket, without a thread that blocks.
final class RawClient: Sendable {
    private let fd: Int32

    init(_ path: String) throws {
        fd = try check("socket") {
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                apus_connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let error = Errno(call: "connect")
            close(fd)
            throw error
        }
    }

    deinit { close(fd) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try await Reactor.shared.writable(fd)
            } else {
                throw Errno(call: "send")
            }
        }
    }

    func finishSending() { shutdown(fd, Int32(SHUT_WR)) }

    /// What comes until the server closes.
    func readAll() async throws -> String {
        var all: [UInt8] = []
        while let bytes = try await read() { all += bytes }
        return String(decoding: all, as: UTF8.self)
    }

    /// What comes until the text has come.
    func read(until end: String) async throws -> String {
        var all: [UInt8] = []
        while let bytes = try await read() {
            all += bytes
            if String(decoding: all, as: UTF8.self).hasSuffix(end) { break }
        }
        return String(decoding: all, as: UTF8.self)
    }

    private func read() async throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(fd, &buffer, buffer.count, 0)
            if count >= 0 { return count == 0 ? nil : Array(buffer[..<count]) }
            guard errno == EAGAIN else { throw Errno(call: "recv") }
            try await Reactor.shared.readable(fd)
        }
    }
}

/// A folder that goes when the body ends.
func withTemporaryFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    var template = Array("/tmp/apus-http-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(call: "mkdtemp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in ["s", "t"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
    return try await body(folder)
}

/// Serves `handler` while the body runs.
func withServer(
    _ handler: @escaping HTTPServer.Handler, _ body: (HTTPServer, String) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let server = HTTPServer(common: [("Server", "test")], logger: Logger(label: "test"), handler: handler)
        try await server.listen(on: .unix(path: folder + "/s", group: nil))
        do {
            try await body(server, folder + "/s")
        } catch {
            await server.close(limit: .zero)
            throw error
        }
        await server.close(limit: .zero)
    }
}

/// Fails by name when the fact does not become true.
func eventually(_ what: String, _ condition: () -> Bool) async throws {
    for _ in 0..<500 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("not within five seconds: \(what)")
}
