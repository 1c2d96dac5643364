// SPDX-License-Identifier: Apache-2.0
// The shim's only thread: descriptors, their handlers, and deadlines.
import CLinux
import Glibc
import Linux

/// Calls a handler for each ready descriptor.
final class EventLoop {
    typealias Handler = (Epoll.Interest) -> Void

    private let epoll: Epoll
    private var handlers: [UInt64: (fd: Int32, handler: Handler)] = [:]
    private var tokens: [Int32: UInt64] = [:]
    private var next: UInt64 = 1
    /// How much is still to be written to others before the loop may be left.
    var obligations = 0
    private var deadline: (at: Int64, body: () -> Void)?

    init() throws { epoll = try Epoll() }

    /// Watches a descriptor; errors and hang-ups are always reported. False when the kernel cannot watch it (a regular file).
    @discardableResult
    func watch(_ fd: Int32, _ interest: Epoll.Interest, _ handler: @escaping Handler) -> Bool {
        let token = next
        next += 1
        do { try epoll.add(fd, interest, token: token) } catch { return false }
        handlers[token] = (fd, handler)
        tokens[fd] = token
        return true
    }

    func change(_ fd: Int32, _ interest: Epoll.Interest) {
        guard let token = tokens[fd] else { return }
        // A watched descriptor is open, so that this cannot fail.
        try? epoll.change(fd, interest, token: token)
    }

    /// Must be called before the descriptor is closed.
    func forget(_ fd: Int32) {
        guard let token = tokens.removeValue(forKey: fd) else { return }
        handlers[token] = nil
        epoll.remove(fd)
    }

    /// Runs `body` once, unless `cancelTimer` comes first. One at a time.
    func after(seconds: Int64, _ body: @escaping () -> Void) {
        deadline = (Self.now() + seconds * 1000, body)
    }

    func cancelTimer() { deadline = nil }

    /// Serves one round of events.
    func turn() throws {
        let wait = deadline.map { Int32(clamping: max(0, $0.at - Self.now())) } ?? -1
        let events: [Epoll.Event]
        do { events = try epoll.wait(milliseconds: wait) } catch {
            if error.code == EINTR { return }
            throw error
        }
        for event in events { handlers[event.token]?.handler(event.ready) }
        if let deadline, Self.now() >= deadline.at {
            self.deadline = nil
            deadline.body()
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
