// SPDX-License-Identifier: Apache-2.0
// One attached reader of a container's output.
import Glibc
import Linux

/// Writes without blocking; what the reader does not take yet waits here, up to a bound the stream respects.
final class OutputClient {
    static let bound = 1 << 20

    private let fd: Int32
    private let loop: EventLoop
    private var queue: [UInt8] = []
    private var head = 0
    private var finishing = false
    /// The stream has ended and the reader has not got all of it.
    private var isOwed = false
    private(set) var isClosed = false
    /// Called when there is room again, or the client is gone.
    var onDrain: () -> Void = {}

    init(_ fd: Int32, loop: EventLoop) {
        self.fd = fd
        self.loop = loop
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        // The loop keeps the client alive until it is shut: it outlives its stream while its queue empties.
        loop.watch(fd, []) { self.ready($0) }
    }

    var isFull: Bool { queue.count - head >= Self.bound }

    func send(_ bytes: UnsafeRawBufferPointer) {
        if isClosed { return }
        var rest = bytes
        if head == queue.count {
            guard let left = write(rest) else { return }
            rest = left
            if rest.isEmpty { return }
            loop.change(fd, .write)
        }
        queue.append(contentsOf: rest)
    }

    /// No more output will come: closes when the queue is out.
    func finish() {
        if finishing || isClosed { return }
        finishing = true
        if head == queue.count { return shut() }
        isOwed = true
        loop.obligations += 1
    }

    private func ready(_ events: Epoll.Interest) {
        if events.contains(.error) || (events.contains(.hangup) && !events.contains(.write)) { return shut() }
        guard head < queue.count else { return }
        let left = queue.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[head...]))?.count }
        guard let left else { return }
        head = queue.count - left
        if left == 0 {
            queue = []
            head = 0
            loop.change(fd, [])
            if finishing { shut() }
        } else if head > 256 * 1024 {
            queue.removeFirst(head)
            head = 0
        }
        if !isFull { onDrain() }
    }

    /// What could not be written yet; nil when the reader is gone.
    private func write(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(fd, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno == EAGAIN {
                return rest
            } else if errno != EINTR {
                shut()
                return nil
            }
        }
        return rest
    }

    private func shut() {
        if isClosed { return }
        isClosed = true
        if isOwed { loop.obligations -= 1 }
        loop.forget(fd)
        _ = close(fd)
        queue = []
        head = 0
        onDrain()
    }
}
