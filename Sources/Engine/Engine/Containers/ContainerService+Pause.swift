// SPDX-License-Identifier: Apache-2.0
// Freezing and thawing all processes of a container.
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    package func pause(_ reference: String) async throws {
        let container = try registry.find(reference)
        try await container.queue.run {
            let state = container.record.state
            if state.isPaused { throw EngineError.conflict("Container \(container.id) is already paused") }
            if state.isRestarting {
                throw EngineError.conflict(
                    "Container \(container.id) is restarting, wait until the container is running")
            }
            guard state.isAlive, let task = container.live.withLock({ $0.task }) else {
                throw ContainerErrors.notRunning(container.id)
            }
            try await context("Cannot pause container \(container.id)") { try await task.pause() }
            let record = try await self.update(container) { try $0.state.apply(.paused) }
            self.announce(record, "pause")
        }
    }

    package func unpause(_ reference: String) async throws {
        let container = try registry.find(reference)
        try await container.queue.run {
            guard container.record.state.isPaused, let task = container.live.withLock({ $0.task }) else {
                throw EngineError.internalError("Container \(container.id) is not paused")
            }
            try await context("Cannot unpause container \(container.id)") { try await task.resume() }
            let record = try await self.update(container) { try $0.state.apply(.resumed) }
            self.announce(record, "unpause")
        }
    }
}
