// SPDX-License-Identifier: Apache-2.0
// From a created or ended container to a running process.
import DockerAPI
import Linux
import Networking
import OCI
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Throws `notModified` when the container runs already.
    package func start(_ reference: String) async throws {
        try await start(try registry.find(reference))
    }

    /// Finds a container for whoever needs it running. A program may be heard a moment before its start is recorded: a
    /// start under way is waited for.
    func findSettled(_ reference: String) async throws -> Container {
        let container = try registry.find(reference)
        if !container.record.state.isAlive { try await container.queue.run {} }
        return container
    }

    func start(_ container: Container) async throws {
        try await container.queue.run { try await self.startOnQueue(container, byPolicy: false) }
    }

    /// The body of every start. Runs on the container's queue.
    func startOnQueue(_ container: Container, byPolicy: Bool) async throws {
        let before = container.record
        switch before.state {
        case .running: throw ContainerErrors.alreadyStarted(before.id)
        case .paused:
            throw EngineError.conflict("cannot start a paused container, try unpause instead")
        case .removing, .dead:
            throw EngineError.conflict("container is marked for removal and cannot be started")
        case .created, .exited, .restarting: break
        }
        container.live.withLock { live in
            // The planned start is this one, or this one takes its place.
            if !byPolicy { live.restart?.cancel() }
            live.restart = nil
            if !byPolicy { live.restartDelay = nil }
        }
        do {
            try await launch(container, byPolicy: byPolicy)
        } catch {
            try await recordFailedStart(container, error)
        }
    }

    private func launch(_ container: Container, byPolicy: Bool) async throws {
        try await withRollback { rollback in
            let before = container.record
            let root = try await drivers.storage.rootFilesystem(before.id)
            let users = try users(of: before)
            let network = try await joinNetworks(before, users, rollback)
            let files = try await writeNetworkFiles(before, network)
            try await prepareMounts(before, root: root, users: users)
            let request = try await taskRequest(before, root: root, files: files, network: network, users: users)
            try await loadProfile(request.spec.process?.apparmorProfile)
            let task = try await drivers.tasks.prepare(request)
            let id = before.id
            rollback.onFailure { [drivers] in
                try? await drivers.tasks.discard(id)  // The start's own error is the one to tell.
            }
            let connections = container.live.withLock { live in
                live.task = task
                defer { live.waitingConnections = [] }
                return live.waitingConnections
            }
            rollback.onFailure {
                container.live.withLock { $0.task = nil }
                for connection in connections { connection.end() }
            }
            let stream = task.events()
            for connection in connections { try await connect(connection, to: task) }
            let start = try await task.start()
            let record = try await update(container) { record in
                record.lastFinished = record.state.exit?.finishedAt
                try record.state.apply(.started(Run(pid: start.pid, startedAt: start.startedAt)))
                record.wasStarted = true
                record.stoppedByUser = false
                record.restartCount = byPolicy ? record.restartCount + 1 : 0
                record.endpoints = network.endpoints
                record.ports = network.ports
                record.sandboxID = network.sandboxID
                record.healthState = Self.hasHealthCheck(record) ? HealthState() : nil
            }
            announce(record, "start")
            follow(container, task, stream)
            startHealthChecks(container)
        }
    }

    func connect(_ connection: TaskConnection, to task: any RunningTask) async throws {
        let streams = try await task.attach(
            stdin: connection.wantsStdin, stdout: connection.wantsStdout, stderr: connection.wantsStderr)
        connection.deliver(streams)
    }

    /// Notes why a start failed and throws what the client is told.
    private func recordFailedStart(_ container: Container, _ error: any Error) async throws {
        let waiting = container.live.withLock { live in
            defer { live.waitingConnections = [] }
            return live.waitingConnections
        }
        for connection in waiting { connection.end() }
        let told = Self.startError(error)
        let code = Int((error as? TaskError)?.exitCode ?? 128)
        let record = try await update(container) { record in
            try record.state.apply(.startFailed(StartFailure(code: code, error: told.message), at: .now()))
            record.endpoints = [:]
            record.ports = [:]
        }
        if record.state.exit != nil { container.exits.send(Self.answer(record)) }
        if record.hostConfig.autoRemove { scheduleRemoval(container) }
        throw told
    }

    /// The client finds 126 and 127 by the words in this text.
    private static func startError(_ error: any Error) -> EngineError {
        guard let error = error as? TaskError else {
            return error as? EngineError ?? .internalError("\(error)", cause: error)
        }
        let text = "failed to create task for container: unable to start container process: \(error.message)"
        switch error.kind {
        case .commandNotFound, .notExecutable, .invalid: return .invalidArgument(text)
        case .notRunning, .internalError: return .internalError(text, cause: error)
        }
    }

    /// Binds whose source is missing get a folder, and empty volumes the image's files.
    private func prepareMounts(
        _ record: ContainerRecord, root: RootFilesystem, users: ContainerUsers?
    ) async throws {
        for mount in record.mounts {
            switch mount.point.type {
            case "bind":
                if try await Files.exists(mount.point.source) { continue }
                guard mount.createsSource else {
                    throw EngineError.invalidArgument(
                        "invalid mount config for type \"bind\": bind source path does not exist: \(mount.point.source)"
                    )
                }
                try await Files.makeFolder(mount.point.source, mode: 0o755)
                if let owner = users?.mapping.root {
                    try await Files.give(mount.point.source, user: owner.user, group: owner.group)
                }
            case "volume":
                guard let name = mount.point.name else { continue }
                _ = try await drivers.storage.ensureVolume(name, isAnonymous: mount.isAnonymous, options: nil)
                if mount.copiesUp {
                    try await drivers.storage.copyUp(volume: name, from: root, path: mount.point.destination)
                }
                events.publish(
                    "volume", "mount", id: name,
                    attributes: [
                        "driver": "local", "container": record.id, "destination": mount.point.destination,
                        "read/write": mount.point.rw ? "true" : "false", "propagation": mount.point.propagation,
                    ])
            default: continue
            }
        }
    }
}
