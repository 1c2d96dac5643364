// SPDX-License-Identifier: Apache-2.0
// Containers: creation, life, streams. Each verb lives in its own file beside this one.
import DockerAPI
import Logging
import Primitives
import Synchronization

/// Everything that can be done with containers. Containers are named by id, id prefix or name.
package final class ContainerService: Sendable {
    let registry = ContainerRegistry()
    let table: ContainerTable
    let drivers: EngineDrivers
    let events: EventService
    let settings: EngineSettings
    let logger: Logger
    let execObserver = Mutex(ExecObserver())

    init(table: ContainerTable, drivers: EngineDrivers, events: EventService, settings: EngineSettings, logger: Logger)
    {
        self.table = table
        self.drivers = drivers
        self.events = events
        self.settings = settings
        self.logger = logger
    }

    /// The folder of a container's own files.
    func directory(_ id: String) -> String { settings.dataRoot + "/containers/" + id }

    func logPath(_ id: String) -> String { directory(id) + "/\(id)-json.log" }

    /// Changes a record: state first in memory's copy, then on disk, then visible. Call it on the container's queue.
    @discardableResult
    func update(_ container: Container, _ change: (inout ContainerRecord) throws -> Void) async throws
        -> ContainerRecord
    {
        var record = container.record
        try change(&record)
        try await table.save(record)
        container.replace(record)
        return record
    }

    /// Announces something about a container, with the attributes every event of a container has.
    func announce(_ record: ContainerRecord, _ action: String, _ more: [String: String] = [:]) {
        var attributes = record.config.labels ?? [:]
        attributes["image"] = record.config.image
        attributes["name"] = record.name
        for (key, value) in more { attributes[key] = value }
        events.publish("container", action, id: record.id, attributes: attributes, from: record.config.image)
    }
}
