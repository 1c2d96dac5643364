// SPDX-License-Identifier: Apache-2.0
// One stream a process writes: copied into the log and to every attached reader.
import Glibc
import Linux
import Primitives

/// Reads a pipe or a terminal's master as long as every reader has room.
final class OutputStream {
    let name: String
    private let fd: Int32
    private let loop: EventLoop
    private let log: LogFile?
    private var encoder: LogEncoder
    private var clients: [OutputClient] = []
    private var isPaused = false
    private var isOpen = true
    /// Terminals are read and written through one descriptor, which somebody else closes.
    private let ownsDescriptor: Bool

    init(_ fd: Int32, name: String, log: LogFile?, loop: EventLoop, ownsDescriptor: Bool = true) {
        self.name = name
        self.fd = fd
        self.loop = loop
        self.log = log
        self.ownsDescriptor = ownsDescriptor
        encoder = LogEncoder(stream: name)
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        if ownsDescriptor { loop.watch(fd, .read) { [weak self] _ in self?.readSome() } }
    }

    func add(_ client: OutputClient) {
        guard isOpen else { return client.finish() }
        client.onDrain = { [weak self] in self?.resume() }
        clients.append(client)
    }

    /// One read, so that other descriptors get their turn.
    func readSome() {
        guard isOpen else { return }
        switch read() {
        case .some(true): log?.flush()
        case .some(false): break
        case nil: finish()
        }
        clients.removeAll(where: \.isClosed)
        if clients.contains(where: \.isFull) { pause() }
    }

    /// True after data, false when there is none now, nil at the end.
    private func read() -> Bool? {
        withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
            let count = Glibc.read(fd, buffer.baseAddress, buffer.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR ? false : nil }
            if count == 0 { return nil }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            for client in clients { client.send(bytes) }
            if let log {
                let now = Timestamp.now()
                log.encode { clock, out in
                    bytes.withMemoryRebound(to: UInt8.self) { encoder.append($0, at: now, &clock, to: &out) }
                }
            }
            return true
        }
    }

    /// The process has ended: takes what is still in the pipe, whatever the readers say, and ends the stream.
    func drain() {
        guard isOpen else { return }
        // Bounded: a process it left behind may write for ever.
        for _ in 0..<1024 where read() != true { break }
        finish()
    }

    private func finish() {
        guard isOpen else { return }
        isOpen = false
        if let log {
            log.encode { encoder.finish(at: .now(), &$0, to: &$1) }
            log.flush()
        }
        loop.forget(fd)
        if ownsDescriptor { _ = close(fd) }
        for client in clients { client.finish() }
        clients = []
    }

    private func pause() {
        isPaused = true
        loop.change(fd, [])
    }

    private func resume() {
        guard isPaused, isOpen, !clients.contains(where: { !$0.isClosed && $0.isFull }) else { return }
        isPaused = false
        loop.change(fd, .read)
    }
}
