// SPDX-License-Identifier: Apache-2.0
// The seam to whatever runs containers: verbs to prepare a task, to find it again, and to act on it while it runs.
package import OCI

/// Runs containers. prepare → start → (exit) → remove; after a restart of the daemon `reconnect` takes the place of
/// `prepare`.
package protocol TaskDriver: Sendable {
    /// Writes the bundle and makes the container up to just before its process begins. Streams attached now see every
    /// byte.
    func prepare(_ request: TaskRequest) async throws -> any RunningTask

    /// Finds the task of a container that an earlier daemon prepared.
    func reconnect(_ containerID: String) async throws -> ReconnectedTask

    /// Containers that left something in the execution root, whether they run or not.
    func knownContainers() async throws -> [String]

    /// Kills what is left of a container and removes its files from the execution root. Fine to call when nothing is
    /// there.
    func discard(_ containerID: String) async throws
}

/// What became of a task while no daemon was watching.
package enum ReconnectedTask: Sendable {
    /// The shim answers; `state` says whether the container was started, and how its execs ended.
    case alive(any RunningTask, TaskState)
    /// The shim is gone and left the record of the container's end. `discard` what remains.
    case exited(TaskExit)
    /// Neither a shim nor a record: killed together with its shim, or the machine was restarted.
    case lost
}

/// A container's processes. All verbs may be called from anywhere, at the same time.
package protocol RunningTask: AnyObject, Sendable {
    var containerID: String { get }

    /// Runs the container's process; returns after its exec has succeeded. Throws `TaskError` with the exit code
    /// Docker would show.
    func start() async throws -> TaskStart

    /// Connects to the container's streams, or with `execID` to those of an exec.
    func attach(execID: String?, stdin: Bool, stdout: Bool, stderr: Bool) async throws -> TaskStreams

    /// Runs a further process in the container; returns after its exec has succeeded.
    func exec(_ request: ExecRequest) async throws -> (pid: Int32, streams: TaskStreams)

    /// Sends a signal to the container's first process, to all of them, or to an exec's.
    func kill(signal: Int32, all: Bool, execID: String?) async throws

    func resize(width: Int, height: Int, execID: String?) async throws
    func closeStdin(execID: String?) async throws
    func pause() async throws
    func resume() async throws

    /// Changes the limits of the running container.
    func update(_ resources: RuntimeSpec.Resources) async throws

    func state() async throws -> TaskState

    /// Events in their order, `exited` last; made for one reader (the container's owner), which must be the first to
    /// call it.
    func events() -> AsyncStream<TaskEvent>

    /// Waits for the container's end; any number of callers, also after the end.
    func waitForExit() async -> TaskExit

    /// Waits for an exec's end; any number of callers, also after the end.
    func waitForExec(_ execID: String) async throws -> ExecExit

    /// After the container's end: ends the shim and removes everything from the execution root. Tries all, throws the
    /// first failure.
    func remove() async throws
}

extension RunningTask {
    package func attach(stdin: Bool, stdout: Bool, stderr: Bool) async throws -> TaskStreams {
        try await attach(execID: nil, stdin: stdin, stdout: stdout, stderr: stderr)
    }

    package func kill(signal: Int32, all: Bool = false) async throws {
        try await kill(signal: signal, all: all, execID: nil)
    }
}
