// SPDX-License-Identifier: Apache-2.0
// What a task tells about itself: start, end, events, and a snapshot of its state.
package import Primitives

/// The beginning of a container's process.
package struct TaskStart: Sendable, Equatable {
    /// As the host counts processes.
    package let pid: Int32
    package let startedAt: Timestamp

    package init(pid: Int32, startedAt: Timestamp) {
        self.pid = pid
        self.startedAt = startedAt
    }
}

/// The end of a container's process.
package struct TaskExit: Sendable, Equatable {
    /// 128 + signal when a signal ended it.
    package let code: Int32
    /// 0 when it ended by itself.
    package let signal: Int32
    package let oomKilled: Bool
    package let exitedAt: Timestamp
    /// Nobody saw the end: the shim died with its container. `code` is 137 then, since the kernel kills the container
    /// (SIGKILL).
    package let wasLost: Bool

    package init(code: Int32, signal: Int32 = 0, oomKilled: Bool = false, exitedAt: Timestamp, wasLost: Bool = false) {
        self.code = code
        self.signal = signal
        self.oomKilled = oomKilled
        self.exitedAt = exitedAt
        self.wasLost = wasLost
    }

    package static func lost(at time: Timestamp = .now()) -> TaskExit {
        TaskExit(code: 137, signal: 9, exitedAt: time, wasLost: true)
    }
}

/// The end of an exec's process.
package struct ExecExit: Sendable, Equatable {
    package let code: Int32
    package let exitedAt: Timestamp

    package init(code: Int32, exitedAt: Timestamp) {
        self.code = code
        self.exitedAt = exitedAt
    }
}

/// Something that happened to a running task.
package enum TaskEvent: Sendable, Equatable {
    /// The kernel killed a process of the container for lack of memory.
    case oom
    case execExited(execID: String, ExecExit)
    /// Always the last event.
    case exited(TaskExit)
}

/// A snapshot of a task.
package struct TaskState: Sendable, Equatable {
    package enum Status: String, Sendable {
        case created, running, paused, stopped
    }

    package struct Exec: Sendable, Equatable {
        package let execID: String
        package let pid: Int32
        package let isRunning: Bool
        package let code: Int32?
        package let exitedAt: Timestamp?
    }

    package let status: Status
    package let pid: Int32
    package let startedAt: Timestamp?
    package let exit: TaskExit?
    package let execs: [Exec]
}
