// SPDX-License-Identifier: Apache-2.0
// Stopping, killing, restarting. None of these holds the container's queue while it waits for the process to end: the end
// itself is handled on that queue.
import DockerAPI
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Throws `notModified` when the container is not running. A nil timeout is the container's own, a negative one is for ever.
    package func stop(_ reference: String, signal: String?, timeout: Int?) async throws {
        let container = try await findSettled(reference)
        let number = try signal.map { text throws(EngineError) in try Signals.number(text) }
        let record = container.record
        if record.state.isRestarting {
            try await cancelRestart(container)
            return
        }
        guard record.state.isAlive else { throw ContainerErrors.alreadyStopped(record.id) }
        try await end(container, signal: number, timeout: timeout)
        announce(container.record, "stop")
    }

    package func restart(_ reference: String, signal: String?, timeout: Int?) async throws {
        let container = try await findSettled(reference)
        let number = try signal.map { text throws(EngineError) in try Signals.number(text) }
        if container.record.state.isRestarting { try await cancelRestart(container) }
        if container.record.state.isAlive {
            try await end(container, signal: number, timeout: timeout, keepsForRestart: true)
            announce(container.record, "stop")
        }
        try await start(container)
        announce(container.record, "restart")
    }

    package func kill(_ reference: String, signal: String?) async throws {
        let container = try await findSettled(reference)
        let number = try Signals.number(signal.flatMap { $0.isEmpty ? nil : $0 } ?? "KILL")
        let record = container.record
        if record.state.isRestarting {
            try await cancelRestart(container)
            return
        }
        guard record.state.isAlive, let task = container.live.withLock({ $0.task }) else {
            throw ContainerErrors.cannotKill(reference, record.id)
        }
        if number == Signals.kill || number == stopSignal(record) { try await markStopped(container) }
        let exits = container.exits.register()
        do {
            try await task.kill(signal: number)
        } catch let error as TaskError where error.kind == .notRunning {
            throw ContainerErrors.cannotKill(reference, record.id)
        }
        announce(record, "kill", ["signal": String(number)])
        if number == Signals.kill {
            if record.state.isPaused { await thaw(task) }
            _ = await Self.first(exits, within: .seconds(10))
        }
    }

    /// Signals the process and waits for its end; after the timeout SIGKILL.
    private func end(
        _ container: Container, signal: Int32?, timeout: Int?, keepsForRestart: Bool = false
    ) async throws {
        let record = container.record
        guard let task = container.live.withLock({ $0.task }) else { return }
        try await markStopped(container, keepsForRestart: keepsForRestart)
        if record.state.isPaused { try await unpause(record.id) }
        let exits = container.exits.register()
        let number = signal ?? stopSignal(record)
        let seconds = timeout ?? record.config.stopTimeout ?? 10
        if container.record.state.isAlive {
            try await deliver(number, to: task)
            announce(record, "kill", ["signal": String(number)])
        } else {
            return
        }
        if await Self.first(exits, within: seconds < 0 ? nil : .seconds(seconds)) != nil { return }
        let last = container.exits.register()
        guard container.record.state.isAlive else { return }
        try await deliver(Signals.kill, to: task)
        announce(record, "kill", ["signal": String(Signals.kill)])
        guard await Self.first(last, within: .seconds(30)) != nil else {
            throw EngineError.internalError(
                "cannot stop container: \(record.id): tried to kill container, but did not receive an exit event")
        }
    }

    /// A process that has just ended needs no signal.
    private func deliver(_ signal: Int32, to task: any RunningTask) async throws {
        do { try await task.kill(signal: signal) } catch let error as TaskError where error.kind == .notRunning {}
    }

    /// A frozen process does not die before it is thawed (cgroup v1). Other runtimes thaw it themselves when they kill, so that there
    /// may be nothing left to resume: whether it died is found out by waiting for its end.
    private func thaw(_ task: any RunningTask) async { try? await task.resume() }

    /// SIGKILL and wait: the first half of a forced removal.
    func killForRemoval(_ container: Container) async throws {
        if container.record.state.isRestarting { try await cancelRestart(container) }
        guard container.record.state.isAlive, let task = container.live.withLock({ $0.task }) else { return }
        try await markStopped(container)
        let exits = container.exits.register()
        guard container.record.state.isAlive else { return }
        try await deliver(Signals.kill, to: task)
        announce(container.record, "kill", ["signal": String(Signals.kill)])
        if container.record.state.isPaused { await thaw(task) }
        guard await Self.first(exits, within: .seconds(30)) != nil else {
            throw EngineError.internalError("could not kill container \(container.id): it did not end")
        }
    }

    func stopSignal(_ record: ContainerRecord) -> Int32 {
        // Checked at create; an image's odd signal falls back to the usual one.
        (try? Signals.number(record.config.stopSignal ?? "")) ?? Signals.term
    }

    private func markStopped(_ container: Container, keepsForRestart: Bool = false) async throws {
        if container.record.stoppedByUser { return }
        try await container.queue.run {
            try await self.update(container) { $0.stoppedByUser = true }
            if !keepsForRestart { container.live.withLock { $0.restartDelay = nil } }
        }
    }

    /// Calls off the start that the restart policy has planned.
    func cancelRestart(_ container: Container) async throws {
        try await container.queue.run {
            let planned = container.live.withLock { live in
                defer { live.restart = nil }
                return live.restart
            }
            planned?.cancel()
            guard container.record.state.isRestarting else { return }
            try await self.update(container) { record in
                record.stoppedByUser = true
                try record.state.apply(.restartCancelled)
            }
        }
    }

    /// The next value, or nil when the time is over first.
    static func first<Value: Sendable>(_ stream: AsyncStream<Value>, within limit: Duration?) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask {
                for await value in stream { return value }
                return nil
            }
            if let limit {
                group.addTask {
                    try? await Task.sleep(for: limit)  // Cancelled when the value came first.
                    return nil
                }
            }
            let value = await group.next() ?? nil
            group.cancelAll()
            return value
        }
    }
}
