// SPDX-License-Identifier: Apache-2.0
// One control connection of a daemon: requests in, replies and events out, a JSON object per packet.
import Glibc
import JSON
import Linux

/// A request with the descriptors that came along; what is not taken is closed.
final class ShimRequest {
    let body: JSONValue
    let sequence: Int64
    let method: String
    let connection: ControlConnection
    private var descriptors: [Int32]

    init?(_ packet: PacketSocket.Packet, from connection: ControlConnection) {
        descriptors = packet.descriptors
        self.connection = connection
        // What does not parse is no request of ours; the connection goes on.
        guard let body = try? JSONValue.parse(packet.bytes), let sequence = body["seq"]?.int else {
            for fd in packet.descriptors { _ = close(fd) }
            return nil
        }
        self.body = body
        self.sequence = sequence
        method = body["request"]?.string ?? ""
    }

    deinit { for fd in descriptors { _ = close(fd) } }

    /// The next descriptor, when `flag` says that it was sent.
    func take(_ flag: String) -> Int32? {
        body[flag]?.bool == true && !descriptors.isEmpty ? descriptors.removeFirst() : nil
    }

    func reply(_ fields: JSONObject = JSONObject()) {
        var object: JSONObject = ["seq": .int(sequence), "ok": true]
        for (key, value) in fields.fields { object[key] = value }
        connection.send(.object(object))
    }

    func fail(_ error: any Error) {
        let error = RuntimeError(error)
        connection.send([
            "seq": .int(sequence), "error": .string(error.message), "kind": .string(error.kind.rawValue),
        ])
    }
}

final class ControlConnection {
    private let fd: Int32
    private let loop: EventLoop
    private let onRequest: (ShimRequest) -> Void
    private let onClose: (ControlConnection) -> Void
    private var isOpen = true

    init(
        _ fd: Int32, loop: EventLoop, onRequest: @escaping (ShimRequest) -> Void,
        onClose: @escaping (ControlConnection) -> Void
    ) {
        self.fd = fd
        self.loop = loop
        self.onRequest = onRequest
        self.onClose = onClose
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
        loop.watch(fd, .read) { [weak self] _ in self?.receive() }
    }

    private func receive() {
        do {
            guard let packet = try PacketSocket.receive(fd) else { return close() }
            guard let request = ShimRequest(packet, from: self) else { return }
            onRequest(request)
        } catch {
            if error.code != EAGAIN && error.code != EMSGSIZE { close() }
        }
    }

    /// A daemon that does not read its events loses the connection, and asks for the state when it comes back.
    func send(_ message: JSONValue) {
        guard isOpen else { return }
        do { try PacketSocket.send(fd, message.serialize()) } catch { close() }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.forget(fd)
        _ = Glibc.close(fd)
        onClose(self)
    }
}
