// SPDX-License-Identifier: Apache-2.0
// The end of the daemon: containers stay as they are, and nothing stays that only an idle daemon holds.
import Linux
import Logging
import Networking
import Synchronization
import Tasks

extension ContainerService {
    /// Lets go of those who follow the containers.
    func shutdown() async {
        for container in registry.all {
            let (monitor, restart, health) = container.live.withLock { ($0.monitor, $0.restart, $0.health) }
            monitor?.cancel()
            restart?.cancel()
            health?.cancel()
        }
    }

    /// Removes the bridge, the firewall table and the parent cgroup if no container uses them.
    func clearIdle() async {
        do {
            try await drivers.networks.teardownIfIdle()
            if !registry.all.contains(where: { $0.record.state.isAlive }) {
                try await drivers.specs.removeParentCgroup()
            }
        } catch {
            logger.warning("clearing up failed", metadata: ["error": "\(error)"])
        }
    }
}
