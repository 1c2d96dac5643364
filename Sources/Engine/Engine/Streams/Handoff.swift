// SPDX-License-Identifier: Apache-2.0
// Hands values from several producers to one reader; a producer waits while the reader is behind.
import Synchronization

/// A bounded queue. After `finish` the reader gets what is left and then nil.
final class Handoff<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isFinished = false
        var isClosed = false
        var reader: CheckedContinuation<Element?, Never>?
        var producers: [CheckedContinuation<Void, Never>] = []
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    /// Gives false when nobody will read any more.
    func send(_ element: Element) async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let reader = state.withLock { state -> CheckedContinuation<Element?, Never>?? in
                if state.isClosed || state.isFinished { return .some(nil) }
                if let reader = state.reader {
                    state.reader = nil
                    return reader
                }
                state.elements.append(element)
                if state.elements.count < capacity { return .some(nil) }
                state.producers.append(continuation)
                return .none
            }
            guard let reader else { return }
            reader?.resume(returning: element)
            continuation.resume()
        }
        return state.withLock { !$0.isClosed }
    }

    func next() async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> (value: Element?, woken: [CheckedContinuation<Void, Never>])? in
                    if !state.elements.isEmpty {
                        let element = state.elements.removeFirst()
                        let woken = state.elements.count < capacity ? state.producers : []
                        if !woken.isEmpty { state.producers = [] }
                        return (element, woken)
                    }
                    if state.isFinished || state.isClosed { return (nil, []) }
                    state.reader = continuation
                    return nil
                }
                guard let result else { return }
                for producer in result.woken { producer.resume() }
                continuation.resume(returning: result.value)
            }
        } onCancel: {
            close()
        }
    }

    /// No more values will come.
    func finish() { end { $0.isFinished = true } }

    /// The reader has gone: producers are told, what is left is dropped.
    func close() {
        end {
            $0.isClosed = true
            $0.elements = []
        }
    }

    private func end(_ change: (inout State) -> Void) {
        let (reader, producers) = state.withLock { state in
            change(&state)
            defer {
                state.producers = []
                if state.elements.isEmpty { state.reader = nil }
            }
            return (state.elements.isEmpty ? state.reader : nil, state.producers)
        }
        reader?.resume(returning: nil)
        for producer in producers { producer.resume() }
    }
}
