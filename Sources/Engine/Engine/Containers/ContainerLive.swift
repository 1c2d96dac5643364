// SPDX-License-Identifier: Apache-2.0
// What belongs to a container only while the daemon lives.
import Tasks

/// Changed under the container's mutex; never saved.
struct ContainerLive: Sendable {
    /// The running task, from before its start until its end was handled.
    var task: (any RunningTask)?
    /// Follows the task's events.
    var monitor: Task<Void, Never>?
    /// The start the restart policy has planned.
    var restart: Task<Void, Never>?
    var restartDelay: Duration?
    /// Clients that attached before there was a task.
    var waitingConnections: [TaskConnection] = []
    var execIDs: Set<String> = []
    var health: Task<Void, Never>?
}
