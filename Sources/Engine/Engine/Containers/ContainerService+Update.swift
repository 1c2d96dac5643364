// SPDX-License-Identifier: Apache-2.0
// Changing the limits and the restart policy of a container, running or not.
package import DockerAPI
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Limits that `request` leaves at zero, empty or null stay. A running container's processes feel the change at once;
    /// if its control groups refuse, nothing is changed.
    package func update(_ reference: String, body: [UInt8]) async throws -> ContainerUpdateResponse {
        let json = try WireJSON.parse(body)
        try FieldSupport.checkUpdate(json)
        let request = try WireJSON.decode(ContainerUpdateRequest.self, from: json)
        let container = try registry.find(reference)
        try ConfigurationCheck.checkResources(request.limits, limits: settings.limits)
        let policy = request.restartPolicy
        if let policy { _ = try RestartPolicy(policy) }
        var fitted = request.limits
        let warnings = try ResourceFit.fit(&fitted, to: settings.limits.support)
        let wanted = fitted
        try await container.queue.run {
            let before = container.record
            let refused = "Cannot update container \(before.id)"
            switch before.state {
            case .removing, .dead:
                throw EngineError.conflict("\(refused): container is marked for removal and cannot be \"update\".")
            case .created, .running, .paused, .restarting, .exited: break
            }
            if policy != nil, before.hostConfig.autoRemove {
                throw EngineError.conflict(
                    "\(refused): Restart policy cannot be updated because AutoRemove is enabled for the container")
            }
            var host = before.hostConfig
            do throws(EngineError) { try ResourceUpdate.merge(wanted, into: &host) } catch {
                throw EngineError.conflict("\(refused): \(error.message)")
            }
            if let policy { host.restartPolicy = policy }
            if before.state.isAlive, let task = container.live.withLock({ $0.task }) {
                let resources = try await self.drivers.specs.resources(Self.resources(host))
                try await context(refused) { try await task.update(resources) }
            }
            let merged = host
            let record = try await self.update(container) { $0.hostConfig = merged }
            self.announce(record, "update")
        }
        var answer = ContainerUpdateResponse()
        answer.warnings = warnings
        return answer
    }
}
