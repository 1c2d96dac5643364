// SPDX-License-Identifier: Apache-2.0
// Threads for calls that block, so that the cooperative pool never does.
import CLinux
import Glibc
import Linux
import Synchronization

/// Runs blocking work on a small pool of threads of its own. The concurrency pool is as wide as the machine has cores:
/// two blocking calls there stop the daemon.
package enum Blocking {
    /// Runs `body` on a pool thread and suspends the caller meanwhile.
    package static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            pool.submit { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs `body` on a thread made for it, which ends afterwards. For work that changes the thread itself (setns, unshare)
    /// or may take very long.
    package static func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try body() }) }
            if let failure = thread.start() { continuation.resume(throwing: failure) }
        }
    }

    /// Enters the namespaces behind the descriptor (setns(2)) on a thread of its own, runs `body` there and ends the thread.
    package static func inNamespace<T: Sendable>(
        _ descriptor: Int32, type: Int32 = 0, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await onOwnThread {
            try check("setns") { apus_setns(descriptor, type) }
            return try body()
        }
    }

    private static let pool = ThreadPool(maximum: 16)
}

/// A queue of jobs and up to `maximum` threads that wait for them; threads are made when all others are busy and stay.
private final class ThreadPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var threads = 0
        var idle = 0
    }

    private let maximum: Int
    private let state = Mutex(State())
    /// Counts queued jobs. A semaphore instead of a condition variable: `Mutex` has no condition to wait on.
    private let available: Semaphore

    init(maximum: Int) {
        self.maximum = maximum
        available = Semaphore()
    }

    func submit(_ job: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            if state.idle < state.jobs.count - state.head, state.threads < maximum {
                state.threads += 1
                return true
            }
            return false
        }
        if needsThread, Thread({ self.work() }).start() != nil {
            let mustRunHere = state.withLock { state in
                state.threads -= 1
                return state.threads == 0
            }
            // No thread at all: late is better than never.
            if mustRunHere { next()?() }
        }
        available.signal()
    }

    private func work() {
        while true {
            state.withLock { $0.idle += 1 }
            available.wait()
            state.withLock { $0.idle -= 1 }
            next()?()
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard state.head < state.jobs.count else { return nil }
            let job = state.jobs[state.head]
            // What a job holds (files, above all) is let go when it is done, not when the queue is next emptied.
            state.jobs[state.head] = {}
            state.head += 1
            if state.head == state.jobs.count {
                state.jobs.removeAll(keepingCapacity: true)
                state.head = 0
            } else if state.head > 64 {
                state.jobs.removeFirst(state.head)
                state.head = 0
            }
            return job
        }
    }
}

/// A POSIX semaphore; lives as long as the process does.
private final class Semaphore: @unchecked Sendable {
    // Unchecked: sem_t is made for use by several threads, and the pointer never changes.
    private let handle = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(handle, 0, 0) }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    func signal() { sem_post(handle) }

    func wait() { while sem_wait(handle) != 0 {} }
}
