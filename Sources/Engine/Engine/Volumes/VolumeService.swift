// SPDX-License-Identifier: Apache-2.0
// Volumes as the API shows them.
import AsyncSystem
package import DockerAPI
import Primitives
import Storage

/// Creates, lists and removes volumes of the `local` driver.
package final class VolumeService: Sendable {
    private let store: VolumeStore
    private let containers: ContainerService
    private let events: EventService

    init(store: VolumeStore, containers: ContainerService, events: EventService) {
        self.store = store
        self.containers = containers
        self.events = events
    }

    package func list(_ filters: Filters) async throws -> VolumeList {
        try filters.validate(["dangling", "name", "driver", "label"])
        let dangling = try filters.bool("dangling")
        var answer = VolumeList()
        for volume in try await Blocking.run({ [store] in try store.list() }) {
            if let names = filters["name"], !names.contains(where: { volume.name.contains($0) }) { continue }
            if let drivers = filters["driver"], !drivers.contains("local") { continue }
            if !filters.matchesLabels(volume.labels) { continue }
            if let dangling, containers.usersOfVolume(volume.name).isEmpty != dangling { continue }
            answer.volumes.append(Self.view(volume))
        }
        return answer
    }

    package func inspect(_ name: String) async throws -> Volume { Self.view(try await find(name)) }

    package func create(_ request: VolumeCreateRequest) async throws -> Volume {
        if !["", "local"].contains(request.driver) {
            throw EngineError.notFound(
                "create \(request.name): error looking up volume plugin \(request.driver): "
                    + "plugin \"\(request.driver)\" not found")
        }
        if let options = request.driverOpts, !options.isEmpty {
            throw EngineError.notImplemented("DriverOpts is not supported yet")
        }
        if request.name.utf8.count == 1 {
            throw EngineError.invalidArgument(
                "create \(request.name): volume name is too short, names should be at least two alphanumeric characters"
            )
        }
        let name = request.name.isEmpty ? Identifier.random() : request.name
        let labels = request.labels ?? [:]
        let isAnonymous = request.name.isEmpty
        let made = try await Blocking.run { [store] in try store.create(name, labels: labels, isAnonymous: isAnonymous)
        }
        if made.isNew { events.publish("volume", "create", id: name, attributes: ["driver": "local"]) }
        return Self.view(made.volume)
    }

    package func remove(_ name: String, force: Bool) async throws {
        do {
            _ = try await find(name)
        } catch let error as EngineError where error.kind == .notFound && force {
            return
        }
        let users = containers.usersOfVolume(name)
        guard users.isEmpty else {
            throw EngineError.conflict("remove \(name): volume is in use - [\(users.joined(separator: ", "))]")
        }
        try await Blocking.run { [store] in try store.remove(name) }
        events.publish("volume", "destroy", id: name, attributes: ["driver": "local"])
    }

    /// Anonymous volumes only, unless `all` is asked for (API 1.42).
    package func prune(_ filters: Filters) async throws -> VolumePruneResponse {
        try filters.validate(["label", "label!", "all"])
        let all = try filters.bool("all") ?? false
        var answer = VolumePruneResponse()
        for volume in try await Blocking.run({ [store] in try store.list() }) {
            guard all || volume.isAnonymous, containers.usersOfVolume(volume.name).isEmpty else { continue }
            guard filters.matchesLabels(volume.labels) else { continue }
            if filters["label!"] != nil, filters.matchesLabels(volume.labels, key: "label!") { continue }
            let name = volume.name
            let size = try await Blocking.run { [store] in
                let size = store.usage(name)
                try store.remove(name)
                return size
            }
            events.publish("volume", "destroy", id: name, attributes: ["driver": "local"])
            answer.volumesDeleted = (answer.volumesDeleted ?? []) + [name]
            answer.spaceReclaimed += size
        }
        events.publish("volume", "prune", id: "", attributes: ["reclaimed": String(answer.spaceReclaimed)])
        return answer
    }

    /// Every volume with its size and the number of containers that use it.
    func listWithUsage() async throws -> [Volume] {
        try await Blocking.run { [store, containers] in
            try store.list().map { volume in
                var view = Self.view(volume)
                var usage = VolumeUsage()
                usage.refCount = Int64(containers.usersOfVolume(volume.name).count)
                usage.size = store.usage(volume.name)
                view.usageData = usage
                return view
            }
        }
    }

    private func find(_ name: String) async throws -> StoredVolume {
        guard let volume = try await Blocking.run({ [store] in try store.get(name) }) else {
            throw VolumeStore.missing(name)
        }
        return volume
    }

    private static func view(_ volume: StoredVolume) -> Volume {
        var view = Volume()
        view.name = volume.name
        view.driver = "local"
        view.mountpoint = volume.mountpoint
        view.createdAt = Timestamp(seconds: volume.created.seconds).rfc3339Nano
        view.labels = volume.labels.isEmpty && !volume.isAnonymous ? nil : volume.labels
        if volume.isAnonymous {
            view.labels = volume.labels.merging(["com.docker.volume.anonymous": ""]) { first, _ in first }
        }
        view.scope = "local"
        return view
    }
}
