// SPDX-License-Identifier: Apache-2.0
// A value several tasks wait for, each once.
import Synchronization

/// Tasks register, and all registered ones get the next value. Registration is synchronous, so that nothing that happens
/// after it can be missed.
final class Broadcast<Value: Sendable>: Sendable {
    private struct State {
        var nextKey = 0
        var waiters: [Int: AsyncStream<Value>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// Registers for the next value. The stream gives it and ends.
    func register() -> AsyncStream<Value> {
        let (stream, continuation) = AsyncStream<Value>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let key = state.withLock { state in
            state.nextKey += 1
            state.waiters[state.nextKey] = continuation
            return state.nextKey
        }
        continuation.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.waiters.removeValue(forKey: key) }
        }
        return stream
    }

    func send(_ value: Value) {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters
        }
        for continuation in waiters.values {
            continuation.yield(value)
            continuation.finish()
        }
    }
}
