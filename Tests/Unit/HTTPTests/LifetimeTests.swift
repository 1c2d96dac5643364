// SPDX-License-Identifier: Apache-2.0
// Clients that leave, connections taken over, shutdown, and whose socket file it is.
import Glibc
import Primitives
import Synchronization
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct LifetimeTests {
    /// How many handlers run.
    private final class Gauge: Sendable {
        let running = Mutex(0)
        let gate = AsyncStream.makeStream(of: Void.self)
        var value: Int { running.withLock { $0 } }

        /// `/quick` answers, `/hijack` takes over and says bye at the end of input, `/large` sends 4 MiB, `/slow` answers
        /// when the gate opens, all else waits for ever.
        func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
            running.withLock { $0 += 1 }
            defer { running.withLock { $0 -= 1 } }
            switch request.rawPath {
            case "/quick": try await responder.send(200, body: Array("quick".utf8))
            case "/large":
                try await responder.stream(200, [])
                for _ in 0..<64 { try await responder.write([UInt8](repeating: 120, count: 65536)) }
                try await responder.finish()
            case "/slow":
                for await _ in gate.stream {}
                try await responder.send(200, body: Array("slow".utf8))
            case "/hijack":
                responder.allowHalfClose()
                let raw = try await responder.hijack(101, [])
                while let bytes = try await raw.read() { try await raw.write(bytes) }
                try await Task.sleep(for: .milliseconds(400))
                try await raw.write(Array("bye".utf8))
            case "/endless":
                responder.markEndless()
                try await responder.stream(200, [])
                try await Task.sleep(for: .seconds(3600))
            default: try await Task.sleep(for: .seconds(3600))
            }
        }
    }

    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

    @Test(arguments: [("/endless", true), ("/endless", false), ("/silent", false)])
    func aClientThatLeavesEndsItsRequest(_ target: String, _ isHalf: Bool) async throws {
        let gauge = Gauge()
        try await withServer(gauge.handle) { server, path in
            var clients: [RawClient] = []
            for _ in 0..<20 {
                let client = try RawClient(path)
                try await client.send(Self.get(target))
                clients.append(client)
            }
            try await eventually("all run") { gauge.value == 20 }
            #expect(server.connectionCount == 20)
            if isHalf { for client in clients { client.finishSending() } } else { clients = [] }
            try await eventually("no handler runs") { gauge.value == 0 }
            try await eventually("no connection is open") { server.connectionCount == 0 }
            for client in clients { _ = try await client.readAll() }
        }
    }

    @Test func aHalfClosedClientGetsItsQuickAnswer() async throws {
        let gauge = Gauge()
        try await withServer(gauge.handle) { _, path in
            let quick = try RawClient(path)
            try await quick.send(Self.get("/quick") + Self.get("/quick"))
            quick.finishSending()
            #expect(try await quick.readAll().split(separator: "quick").count == 2)
            let large = try RawClient(path)
            try await large.send(Self.get("/large"))
            large.finishSending()
            let answer = try await large.readAll()
            #expect(answer.hasSuffix("\r\n0\r\n\r\n"))
            #expect(answer.utf8.count { $0 == 120 } == 4 << 20)
        }
    }

    @Test func aHijackedConnectionOutlivesItsInput() async throws {
        let gauge = Gauge()
        try await withServer(gauge.handle) { server, path in
            let client = try RawClient(path)
            try await client.send(Self.get("/hijack") + "early ")
            client.finishSending()
            #expect(try await client.readAll().hasSuffix("\r\n\r\nearly bye"))
            try await eventually("no connection is open") { server.connectionCount == 0 }
        }
    }

    @Test func shutdownLetsRunningRequestsEnd() async throws {
        let gauge = Gauge()
        try await withServer(gauge.handle) { server, path in
            let idle = try RawClient(path)
            try await idle.send(Self.get("/quick"))
            _ = try await idle.read(until: "quick")
            let (slow, endless) = (try RawClient(path), try RawClient(path))
            try await slow.send(Self.get("/slow"))
            try await endless.send(Self.get("/endless"))
            _ = try await endless.read(until: "\r\n\r\n")
            try await eventually("both run") { gauge.value == 2 }
            let begin = ContinuousClock.now
            async let closed: Void = server.close(limit: .seconds(20))
            #expect(try await idle.readAll() == "")
            #expect(try await endless.readAll() == "")
            gauge.gate.continuation.finish()
            let answer = try await slow.readAll()
            #expect(answer.hasSuffix("slow") && answer.contains("Connection: close"))
            await closed
            #expect(ContinuousClock.now - begin < .seconds(10))
            #expect(server.connectionCount == 0)
            #expect(access(path, F_OK) != 0)
            #expect(throws: (any Error).self) { try RawClient(path) }
        }
    }

    @Test func shutdownCutsOffAtItsLimit() async throws {
        let gauge = Gauge()
        try await withServer(gauge.handle) { server, path in
            let client = try RawClient(path)
            try await client.send(Self.get("/silent"))
            try await eventually("it runs") { gauge.value == 1 }
            await server.close(limit: .milliseconds(50))
            #expect(gauge.value == 0)
            #expect(try await client.readAll() == "")
        }
    }

    @Test func theSocketIsPrivateFromTheStart() async throws {
        try await withServer(Gauge().handle) { _, path in
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode == S_IFSOCK | 0o660)
        }
    }

    @Test func whoseSocketItIs() async throws {
        try await withTemporaryFolder { folder in
            let (path, other) = (folder + "/s", folder + "/t")
            let first = try UnixListener.open(path, group: nil, backlog: 1)
            // A file that is not a socket, and a socket that somebody listens on.
            _ = close(creat(other, 0o600))
            for taken in [path, other] {
                #expect { try UnixListener.open(taken, group: nil, backlog: 1) } throws: {
                    "\($0)".contains(taken) && ($0 as? EngineError)?.kind == .conflict
                }
            }
            // A leftover is replaced, and its former owner leaves the new one alone.
            close(first.descriptor)
            // The clock of file systems ticks 250 times a second, and the inode's number may come back.
            try await Task.sleep(for: .milliseconds(20))
            let second = try UnixListener.open(path, group: getgid(), backlog: 1)
            first.file.remove()
            #expect(access(path, F_OK) == 0)
            second.file.remove()
            #expect(access(path, F_OK) != 0)
            close(second.descriptor)
            #expect { try UnixListener.open("/nowhere/at/all", group: nil, backlog: 1) } throws: {
                "\($0)".contains("can't create unix socket /nowhere/at/all: ")
            }
        }
    }
}
