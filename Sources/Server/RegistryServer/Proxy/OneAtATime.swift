// SPDX-License-Identifier: Apache-2.0
// One at a time for each key: whoever comes second waits, and finds the work done.
import Synchronization

/// Waiters come in the order of their arrival; a cancelled one gets its turn and passes it on.
final class OneAtATime: Sendable {
    private let waiting = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

    func enter(_ key: String) async throws {
        await withCheckedContinuation { continuation in
            let isFree = waiting.withLock { waiting in
                if waiting[key] == nil {
                    waiting[key] = []
                    return true
                }
                waiting[key]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        if Task.isCancelled {
            leave(key)
            throw CancellationError()
        }
    }

    func leave(_ key: String) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard var queue = waiting[key] else { return nil }
            if queue.isEmpty {
                waiting[key] = nil
                return nil
            }
            let next = queue.removeFirst()
            waiting[key] = queue
            return next
        }
        next?.resume()
    }
}
