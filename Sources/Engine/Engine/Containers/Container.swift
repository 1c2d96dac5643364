// SPDX-License-Identifier: Apache-2.0
// A container in memory: the saved record, its queue of operations and what only lives while the daemon does.
import DockerAPI
import Primitives
import Synchronization

/// One container. Reads take the current record and never wait; changes go through `queue`.
final class Container: Sendable {
    let id: String
    let queue = SerialQueue()
    /// Told at every end of a run.
    let exits = Broadcast<ContainerWaitResponse>()
    /// Told when the container is gone.
    let removals = Broadcast<ContainerWaitResponse>()

    private let stored: Mutex<ContainerRecord>
    let live = Mutex(ContainerLive())

    init(_ record: ContainerRecord) {
        id = record.id
        stored = Mutex(record)
    }

    var record: ContainerRecord { stored.withLock { $0 } }

    /// Replaces the record; the caller has saved it.
    func replace(_ record: ContainerRecord) { stored.withLock { $0 = record } }
}
