// SPDX-License-Identifier: Apache-2.0
// The control connection to a shim: requests matched with replies by sequence number, events handed on in order.
import AsyncSystem
import CLinux
import Glibc
import JSON
import Linux
import Synchronization

/// One SEQPACKET connection. Each packet is a JSON object, requests may carry descriptors.
final class ShimConnection: Sendable {
    private struct State {
        var nextSequence: Int64 = 1
        var pending: [Int64: CheckedContinuation<JSONObject, any Error>] = [:]
        var isClosed = false
    }

    private let socket: OwnedFD
    private let state = Mutex(State())

    /// Takes a connected socket and makes it non-blocking.
    init(_ socket: consuming OwnedFD) {
        let flags = fcntl(socket.raw, F_GETFL)
        _ = fcntl(socket.raw, F_SETFL, flags | O_NONBLOCK)
        self.socket = socket
    }

    /// Receives until the connection ends; runs once, in a task of the owner's. Events go to `onEvent` one after the
    /// other.
    func receive(onEvent: (JSONObject) -> Void) async {
        while let packet = await nextPacket() {
            for descriptor in packet.descriptors { _ = Glibc.close(descriptor) }
            guard let message = (try? JSONValue.parse(packet.bytes))?.object else { continue }  // not of our protocol
            guard let sequence = message["seq"]?.int else {
                onEvent(message)
                continue
            }
            let waiting = state.withLock { $0.pending.removeValue(forKey: sequence) }
            waiting?.resume(returning: message)
        }
        let abandoned = state.withLock { state in
            state.isClosed = true
            defer { state.pending = [:] }
            return Array(state.pending.values)
        }
        for waiting in abandoned { waiting.resume(throwing: Self.gone) }
    }

    private func nextPacket() async -> PacketSocket.Packet? {
        let raw = socket.raw
        while true {
            do throws(Errno) {
                return try PacketSocket.receive(raw)
            } catch {
                guard error.code == EAGAIN else { return nil }
            }
            do { try await Reactor.shared.readable(raw) } catch { return nil }
        }
    }

    /// Sends a request and waits for its reply. The descriptors stay the caller's.
    func request(_ verb: String, _ fields: JSONObject = [:], descriptors: [Int32] = []) async throws -> JSONObject {
        let reply = try await withCheckedThrowingContinuation { continuation in
            let sequence: Int64? = state.withLock { state in
                guard !state.isClosed else { return nil }
                let sequence = state.nextSequence
                state.nextSequence += 1
                state.pending[sequence] = continuation
                return sequence
            }
            guard let sequence else {
                continuation.resume(throwing: Self.gone)
                return
            }
            var message: JSONObject = ["seq": .int(sequence), "request": .string(verb)]
            for field in fields.fields { message[field.key] = field.value }
            do {
                try send(JSONValue.object(message).serialize(), descriptors)
            } catch {
                let waiting = state.withLock { $0.pending.removeValue(forKey: sequence) }
                waiting?.resume(throwing: Self.gone)
            }
        }
        if let message = reply["error"]?.string { throw Self.failure(message, kind: reply["kind"]?.string) }
        return reply
    }

    /// Packets are small and the shim reads at once, so a full buffer is rare and short.
    private func send(_ bytes: [UInt8], _ descriptors: [Int32]) throws(Errno) {
        while true {
            do throws(Errno) {
                return try PacketSocket.send(socket.raw, bytes, descriptors: descriptors)
            } catch {
                guard error.code == EAGAIN else { throw error }
                var wait = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
                if poll(&wait, 1, 5000) == 0 { throw error }
            }
        }
    }

    /// Ends the connection; `receive` returns. The descriptor lives as long as this object.
    func close() { _ = shutdown(socket.raw, Int32(SHUT_RDWR)) }

    static let gone = TaskError(.notRunning, "the container's shim has gone")

    private static func failure(_ message: String, kind: String?) -> TaskError {
        switch kind {
        case "notFound": TaskError(.commandNotFound, message)
        case "notExecutable": TaskError(.notExecutable, message)
        case "invalid": TaskError(.invalid, message)
        default: TaskError(.internalError, message)
        }
    }
}
