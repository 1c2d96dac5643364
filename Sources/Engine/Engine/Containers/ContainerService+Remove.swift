// SPDX-License-Identifier: Apache-2.0
// Removing containers: one, or all that have ended.
package import DockerAPI
import Logging
import Networking
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    package func remove(_ reference: String, force: Bool, volumes: Bool, link: Bool) async throws {
        if link { throw EngineError.notImplemented("removing links (link=1) is not supported") }
        let container = try registry.find(reference)
        if force { try await killForRemoval(container) }
        try await container.queue.run {
            // Killing it was all it took for one that removes itself.
            if force, (try? self.registry.find(container.id)) !== container { return }
            if !force, container.record.state.isRestarting {
                throw ContainerErrors.removeRestarting(container.id)
            }
            try await self.removeOnQueue(container, volumes: volumes)
        }
    }

    package func prune(_ filters: Filters) async throws -> ContainerPruneResponse {
        try filters.validate(["label", "label!", "until"])
        let until = try filters["until"]?.first.map { text throws(EngineError) in try TimeFilter.parse(text) }
        var answer = ContainerPruneResponse()
        for container in registry.all {
            let record = container.record
            guard !record.state.isAlive, !record.state.isRestarting else { continue }
            let labels = record.config.labels ?? [:]
            guard filters.matchesLabels(labels),
                filters["label!"] == nil || !filters.matchesLabels(labels, key: "label!")
            else { continue }
            if let until, record.created > until { continue }
            let size = try await sizes(record).writable
            do {
                try await container.queue.run { try await self.removeOnQueue(container, volumes: false) }
            } catch let error as EngineError where error.kind == .conflict || error.kind == .notFound {
                continue  // Started or removed by somebody else meanwhile.
            }
            answer.containersDeleted = (answer.containersDeleted ?? []) + [record.id]
            answer.spaceReclaimed += size
        }
        events.publish("container", "prune", id: "", attributes: ["reclaimed": String(answer.spaceReclaimed)])
        return answer
    }

    /// Runs on the container's queue.
    func removeOnQueue(_ container: Container, volumes: Bool) async throws {
        let before = container.record
        guard (try? registry.find(before.id)) === container else { throw ContainerErrors.notFound(before.id) }
        switch before.state {
        case .running: throw ContainerErrors.removeRunning(before.id)
        case .paused: throw ContainerErrors.removePaused(before.id)
        case .removing: throw ContainerErrors.beingRemoved(before.id)
        case .created, .exited, .restarting, .dead: break
        }
        container.live.withLock { live in
            live.restart?.cancel()
            live.restart = nil
        }
        try await update(container) { try $0.state.apply(.removalBegan) }
        do {
            try await drivers.tasks.discard(before.id)
            try await drivers.networks.disconnectAll(containerID: before.id)
            try await drivers.storage.deleteSnapshot(before.id)
            try await Files.deleteTree(directory(before.id))
            try await table.delete(before.id)
            settings.userRanges.release(before.id)
        } catch {
            try await update(container) { try $0.state.apply(.removalFailed("\(error)")) }
            throw EngineError.internalError("unable to remove container \(before.id): \(error)", cause: error)
        }
        registry.remove(container)
        let waiting = container.live.withLock { live in
            defer { live.waitingConnections = [] }
            return live.waitingConnections
        }
        for connection in waiting { connection.end() }
        if volumes { await removeAnonymousVolumes(before) }
        announce(before, "destroy")
        let answer = Self.answer(before)
        container.removals.send(answer)
        // Whoever waits for an exit that will not come is told, too.
        container.exits.send(answer)
    }

    private func removeAnonymousVolumes(_ record: ContainerRecord) async {
        for mount in record.mounts where mount.isAnonymous {
            guard let name = mount.point.name, usersOfVolume(name).isEmpty else { continue }
            do {
                try await drivers.storage.removeVolume(name)
                events.publish("volume", "destroy", id: name, attributes: ["driver": "local"])
            } catch {
                logger.warning(
                    "removing an anonymous volume failed", metadata: ["volume": "\(name)", "error": "\(error)"])
            }
        }
    }

    /// Ids of the containers that mount a volume.
    func usersOfVolume(_ name: String) -> [String] {
        registry.all.filter { container in container.record.mounts.contains { $0.point.name == name } }.map(\.id)
    }
}
