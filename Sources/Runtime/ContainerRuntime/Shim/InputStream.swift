// SPDX-License-Identifier: Apache-2.0
// A process's standard input: what attached clients send, written without blocking.
import Glibc
import Linux

/// Copies from any number of clients into a pipe or a terminal's master. Clients wait while the process does not read.
final class InputStream {
    private var fd: Int32
    private let loop: EventLoop
    private let isTerminal: Bool
    /// The end of a client's input ends the process's input.
    private let closesWithClient: Bool
    private var pending: [UInt8] = []
    private var clients: [Int32] = []
    private var closing = false
    /// Terminals: what to watch the master for besides our writing.
    var onWaiting: (Bool) -> Void = { _ in }

    init(_ fd: Int32, isTerminal: Bool, closesWithClient: Bool, loop: EventLoop) {
        self.fd = fd
        self.loop = loop
        self.isTerminal = isTerminal
        self.closesWithClient = closesWithClient
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        if !isTerminal { loop.watch(fd, []) { [weak self] in self?.ready($0) } }
    }

    func add(_ client: Int32) {
        guard fd >= 0, !closing else {
            _ = Glibc.close(client)
            return
        }
        _ = fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK)
        clients.append(client)
        loop.watch(client, pending.isEmpty ? .read : []) { [weak self] _ in self?.readFrom(client) }
    }

    private func readFrom(_ client: Int32) {
        guard pending.isEmpty else { return }
        let ended = withUnsafeTemporaryAllocation(byteCount: 32 * 1024, alignment: 16) { buffer -> Bool in
            let count = read(client, buffer.baseAddress, buffer.count)
            if count < 0 { return errno != EAGAIN && errno != EINTR }
            if count == 0 { return true }
            pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return false
        }
        if ended {
            drop(client)
            if closesWithClient && !isTerminal { close() }
        }
        flush()
    }

    private func drop(_ client: Int32) {
        clients.removeAll { $0 == client }
        loop.forget(client)
        _ = Glibc.close(client)
    }

    /// For terminals, whose master has one watcher for both directions.
    func ready(_ events: Epoll.Interest) {
        if !isTerminal && events.contains(.error) { return shut() }
        if events.contains(.write) { flush() }
    }

    private func flush() {
        guard fd >= 0 else { return }
        while !pending.isEmpty {
            let count = pending.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
            if count >= 0 {
                pending.removeFirst(count)
            } else if errno == EAGAIN {
                return wait(true)
            } else if errno != EINTR {
                return shut()
            }
        }
        wait(false)
        if closing { shut() }
    }

    private func wait(_ waiting: Bool) {
        if isTerminal { onWaiting(waiting) } else { loop.change(fd, waiting ? .write : []) }
        for client in clients { loop.change(client, waiting ? [] : .read) }
    }

    /// Ends the process's input once everything is written.
    func close() {
        closing = true
        if pending.isEmpty { shut() }
    }

    /// Ends now; clients are let go.
    func shut() {
        for client in clients { drop(client) }
        pending = []
        guard fd >= 0 else { return }
        if !isTerminal {
            loop.forget(fd)
            _ = Glibc.close(fd)
        }
        fd = -1
    }
}
