// SPDX-License-Identifier: Apache-2.0
// Published TCP ports that the firewall does not translate: carried to the container by this process.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Logging
import Primitives
import Synchronization

/// Whatever reaches the sockets that reserve published ports instead of being translated before: IPv6 clients of a
/// container that has IPv4 only, everybody without a firewall (`--iptables=false`), and all but the host itself where
/// foreign rules drop what is forwarded. Connections end with the endpoint, and with the daemon.
final class PortProxies: Sendable {
    private let running = Mutex<[String: [Task<Void, Never>]]>([:])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Serves the endpoint's TCP bindings on the sockets that reserve them.
    func start(_ endpoint: Endpoint, reservations: PortReservations) {
        guard let target = endpoint.address?.address else { return }
        for binding in endpoint.bindings where binding.transport == .tcp {
            do {
                guard let listener = try reservations.duplicate(binding) else { continue }
                let raw = listener.raw
                try check("listen") { listen(raw, 1024) }
                try check("fcntl") { fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK) }
                let descriptor = listener.release()
                let task = Task { await Self.serve(OwnedFD(descriptor), target, binding.containerPort) }
                running.withLock { $0[endpoint.id, default: []].append(task) }
            } catch {
                logger.error(
                    "published port not proxied", metadata: ["port": "\(binding.hostPort)", "error": "\(error)"])
            }
        }
    }

    /// Returns when the sockets are closed.
    func stop(owner: String) async {
        for task in running.withLock({ $0.removeValue(forKey: owner) }) ?? [] {
            task.cancel()
            await task.value
        }
    }

    private static func serve(_ listener: consuming OwnedFD, _ target: IPAddress, _ port: UInt16) async {
        let raw = listener.raw
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do { try await Reactor.shared.readable(raw) } catch { break }
                let client = apus_accept(raw, Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
                if client >= 0 {
                    group.addTask { await carry(OwnedFD(client), target, port) }
                } else if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
                    // The connection stays in the queue; asking again at once would spin.
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            group.cancelAll()
        }
        _ = consume listener
    }

    private static func carry(_ client: consuming OwnedFD, _ target: IPAddress, _ port: UInt16) async {
        let near = client.raw
        // A failed connection is the client's to see: its socket closes.
        if let server = try? await connect(target, port) {
            let far = server.raw
            await withDiscardingTaskGroup { group in
                group.addTask { await pump(near, far) }
                group.addTask { await pump(far, near) }
            }
            _ = consume server
        }
        _ = consume client
    }

    private static func connect(_ target: IPAddress, _ port: UInt16) async throws -> OwnedFD {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = OwnedFD(try check("socket") { Glibc.socket(AF_INET, kind, 0) })
        let raw = socket.raw
        var address = SocketAddress(target, port)
        if address.withPointer({ apus_connect(raw, $0, $1) }) != 0, errno != EINPROGRESS {
            throw Errno(call: "connect")
        }
        try await Reactor.shared.writable(raw)
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try check("getsockopt") { getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) }
        if code != 0 { throw Errno(call: "connect", code: code) }
        return socket
    }

    /// Copies one direction until its end, and passes the end on.
    private static func pump(_ source: Int32, _ sink: Int32) async {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        copying: while true {
            let count = read(source, &buffer, buffer.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                guard errno == EAGAIN, (try? await Reactor.shared.readable(source)) != nil else { break }
                continue
            }
            var sent = 0
            while sent < count {
                let written = buffer.withUnsafeBytes {
                    send(sink, $0.baseAddress?.advanced(by: sent), count - sent, Int32(MSG_NOSIGNAL))
                }
                if written >= 0 {
                    sent += written
                } else if errno == EAGAIN {
                    guard (try? await Reactor.shared.writable(sink)) != nil else { break copying }
                } else if errno != EINTR {
                    break copying
                }
            }
        }
        shutdown(sink, Int32(SHUT_WR))
    }
}
