// SPDX-License-Identifier: Apache-2.0
// Reading a container's log, from the beginning or as it grows.
import DockerAPI
import Primitives
import Tasks

extension ContainerService {
    package func logs(_ reference: String, _ options: LogsOptions) async throws -> any OutputSource {
        guard options.stdout || options.stderr else {
            throw EngineError.invalidArgument("Bad parameters: you must choose at least one stream")
        }
        if options.details { throw EngineError.notImplemented("logs with details is not supported yet") }
        let container = try registry.find(reference)
        let record = container.record
        if case .removing = record.state {
            throw EngineError.conflict("can not get logs from container which is dead or marked for removal")
        }
        guard record.hostConfig.logConfig.type != "none" else {
            throw EngineError.notImplemented("configured logging driver does not support reading")
        }
        var query = LogQuery()
        query.stdout = options.stdout
        query.stderr = options.stderr && !record.config.tty
        if record.config.tty { query.stdout = options.stdout }
        query.since = options.since
        query.until = options.until
        query.tail = options.tail
        query.timestamps = options.timestamps
        let follows = options.follow && (record.state.isAlive || record.state.isRestarting)
        let exits = container.exits.register()
        // Registered before asked: an end in between is not missed.
        let isOver = !(container.record.state.isAlive || container.record.state.isRestarting)
        var ended: (@Sendable () async -> Void)?
        if follows, !isOver {
            ended = { for await _ in exits { return } }
        }
        let reader = try LogReader(path: logPath(record.id), query: query, followUntil: ended)
        return LogSource(reader: reader, isRaw: record.config.tty)
    }
}
