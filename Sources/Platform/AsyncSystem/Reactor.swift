// SPDX-License-Identifier: Apache-2.0
// Waiting for descriptors without blocking a thread each: one epoll thread that resumes suspended tasks.
import CLinux
import Glibc
import Linux
import Synchronization

/// One-shot waits for readiness. At most one task waits for each direction of a descriptor at a time.
/// The caller keeps the descriptor open while it waits; closing it first would leave the waiter suspended.
package final class Reactor: Sendable {
    package static let shared = Reactor()

    private enum Direction: Hashable {
        case read
        case write
    }

    private struct Waiter {
        let token: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Registration {
        var readers: Waiter?
        var writers: Waiter?

        var events: UInt32 {
            (readers == nil ? 0 : EPOLLIN.rawValue | EPOLLRDHUP.rawValue) | (writers == nil ? 0 : EPOLLOUT.rawValue)
        }
    }

    private struct State {
        var registrations: [Int32: Registration] = [:]
        var cancelled: Set<UInt64> = []
        var nextToken: UInt64 = 0
    }

    private let epoll: Int32
    private let state = Mutex(State())

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "epoll_create1 failed: \(Errno.message(errno))")
        let failure = Thread { [epoll] in Reactor.loop(epoll) }.start()
        precondition(failure == nil, "no thread for the reactor")
    }

    /// Returns when `fd` can be read (or has hung up). Regular files are always ready.
    package func readable(_ fd: Int32) async throws { try await wait(fd, .read) }

    /// Returns when `fd` can be written (or has failed).
    package func writable(_ fd: Int32) async throws { try await wait(fd, .write) }

    private func wait(_ fd: Int32, _ direction: Direction) async throws {
        try Task.checkCancellation()
        let token = state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                register(fd, direction, Waiter(token: token, continuation: continuation))
            }
        } onCancel: {
            cancel(fd, direction, token)
        }
    }

    private func register(_ fd: Int32, _ direction: Direction, _ waiter: Waiter) {
        let outcome: Result<Void, any Error>? = state.withLock { state in
            if state.cancelled.remove(waiter.token) != nil { return .failure(CancellationError()) }
            let existing = state.registrations[fd]
            var registration = existing ?? Registration()
            switch direction {
            case .read:
                guard registration.readers == nil else { return .failure(Errno(call: "epoll_ctl", code: EBUSY)) }
                registration.readers = waiter
            case .write:
                guard registration.writers == nil else { return .failure(Errno(call: "epoll_ctl", code: EBUSY)) }
                registration.writers = waiter
            }
            state.registrations[fd] = registration
            if let failure = arm(fd, registration.events) {
                state.registrations[fd] = existing
                // EPERM: a regular file or folder, which never blocks in epoll's sense.
                return failure.code == EPERM ? .success(()) : .failure(failure)
            }
            return nil
        }
        if let outcome { waiter.continuation.resume(with: outcome) }
    }

    private func arm(_ fd: Int32, _ events: UInt32) -> Errno? {
        var event = epoll_event()
        event.events = events | EPOLLONESHOT.rawValue
        event.data.fd = fd
        if epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0 { return nil }
        if errno == ENOENT, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 { return nil }
        return Errno(call: "epoll_ctl", code: errno)
    }

    private func cancel(_ fd: Int32, _ direction: Direction, _ token: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard var registration = state.registrations[fd] else {
                state.cancelled.insert(token)
                return nil
            }
            let found: Waiter?
            switch direction {
            case .read where registration.readers?.token == token:
                found = registration.readers
                registration.readers = nil
            case .write where registration.writers?.token == token:
                found = registration.writers
                registration.writers = nil
            default:
                state.cancelled.insert(token)
                return nil
            }
            state.registrations[fd] = registration.events == 0 ? nil : registration
            return found
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    private func ready(_ fd: Int32, _ events: UInt32) {
        let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        let woken: [Waiter] = state.withLock { state in
            guard var registration = state.registrations[fd] else { return [] }
            var woken: [Waiter] = []
            if failed || events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0, let reader = registration.readers {
                woken.append(reader)
                registration.readers = nil
            }
            if failed || events & EPOLLOUT.rawValue != 0, let writer = registration.writers {
                woken.append(writer)
                registration.writers = nil
            }
            if registration.events == 0 {
                state.registrations[fd] = nil
            } else {
                state.registrations[fd] = registration
                _ = arm(fd, registration.events)
            }
            return woken
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    private static func loop(_ epoll: Int32) {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), -1)
            guard count > 0 else { continue }
            for event in events.prefix(Int(count)) { shared.ready(event.data.fd, event.events) }
        }
    }
}
