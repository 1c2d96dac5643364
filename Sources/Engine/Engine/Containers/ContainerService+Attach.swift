// SPDX-License-Identifier: Apache-2.0
// Connecting clients to a container's streams and terminal.
import DockerAPI
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Works on containers that are not started yet: the client misses nothing of what comes.
    package func attach(_ reference: String, _ options: AttachOptions) async throws -> any ProcessConnection {
        let container = try registry.find(reference)
        let record = container.record
        if record.state.isPaused {
            throw EngineError.conflict("container \(record.id) is paused, unpause the container before attach")
        }
        if record.state.isRestarting {
            throw EngineError.conflict("container \(record.id) is restarting, wait until the container is running")
        }
        let wantsInput = options.stdin && record.config.openStdin
        let keys = try DetachKeys(parsing: options.detachKeys)
        let connection = TaskConnection(
            isRaw: record.config.tty, stdin: wantsInput, stdout: options.stdout, stderr: options.stderr,
            keys: record.config.tty ? keys : nil
        ) { [self] in announce(container.record, "detach") }
        let history = options.logs ? try await history(record, options) : nil
        announce(record, "attach")
        guard options.stream else {
            connection.end(history: history)
            return connection
        }
        // Not on the queue: a start that is under way must find the waiting connection, or the task.
        let task = container.live.withLock { live -> (any RunningTask)? in
            if let task = live.task, container.record.state.isAlive { return task }
            live.waitingConnections.append(connection)
            return nil
        }
        if let task {
            let streams = try await task.attach(
                stdin: connection.wantsStdin, stdout: connection.wantsStdout, stderr: connection.wantsStderr)
            connection.deliver(streams, history: history)
        }
        return connection
    }

    package func resize(_ reference: String, height: Int, width: Int) async throws {
        let container = try registry.find(reference)
        guard container.record.state.isAlive, let task = container.live.withLock({ $0.task }) else {
            throw ContainerErrors.notRunning(container.id)
        }
        try await task.resize(width: width, height: height, execID: nil)
        announce(container.record, "resize", ["height": String(height), "width": String(width)])
    }

    private func history(_ record: ContainerRecord, _ options: AttachOptions) async throws -> any OutputSource {
        var logs = LogsOptions()
        logs.stdout = options.stdout
        logs.stderr = options.stderr
        return try await self.logs(record.id, logs)
    }
}
