// SPDX-License-Identifier: Apache-2.0
// The state of a container: one value, changed by one pure function.
package import Primitives

/// A run of the container's process.
package struct Run: Sendable, Equatable {
    package var pid: Int32
    package var startedAt: Timestamp

    package init(pid: Int32, startedAt: Timestamp) {
        self.pid = pid
        self.startedAt = startedAt
    }
}

/// How a run ended, or why one could not begin.
package struct Exit: Sendable, Equatable {
    package var code: Int
    package var oomKilled: Bool
    package var startedAt: Timestamp
    package var finishedAt: Timestamp
    /// Empty for an ordinary exit; else why the start failed.
    package var error: String

    package init(code: Int, oomKilled: Bool = false, startedAt: Timestamp, finishedAt: Timestamp, error: String = "") {
        self.code = code
        self.oomKilled = oomKilled
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.error = error
    }
}

/// A start that failed before there was a process.
package struct StartFailure: Sendable, Equatable {
    package var code: Int
    package var error: String

    package init(code: Int, error: String) {
        self.code = code
        self.error = error
    }
}

/// Impossible combinations cannot be written; Docker's overlapping flags are computed from this for the API.
package enum ContainerState: Sendable, Equatable {
    case created(StartFailure?)
    case running(Run)
    case paused(Run)
    /// The process has ended and the restart policy starts it again.
    case restarting(Exit)
    case exited(Exit)
    case removing(Exit?)
    /// Removal failed half-way: only another removal is possible.
    case dead(Exit?, String)

    /// What can happen to a container.
    package enum Event: Sendable, Equatable {
        case started(Run)
        case startFailed(StartFailure, at: Timestamp)
        case paused
        case resumed
        case exited(Exit)
        case exitedToRestart(Exit)
        /// A planned restart was called off.
        case restartCancelled
        case removalBegan
        case removalFailed(String)
    }

    /// An event that this state does not allow.
    package struct InvalidTransition: Error, Equatable {
        package let from: ContainerState
        package let event: Event
    }

    /// The only writer of a state.
    package mutating func apply(_ event: Event) throws(InvalidTransition) {
        switch (self, event) {
        case (.created, .started(let run)), (.exited, .started(let run)), (.restarting, .started(let run)):
            self = .running(run)
        case (.created, .startFailed(let failure, _)):
            self = .created(failure)
        case (.exited(let exit), .startFailed(let failure, let at)),
            (.restarting(let exit), .startFailed(let failure, let at)):
            self = .exited(
                Exit(code: failure.code, startedAt: exit.startedAt, finishedAt: at, error: failure.error))
        case (.running(let run), .paused): self = .paused(run)
        case (.paused(let run), .resumed): self = .running(run)
        case (.running, .exited(let exit)), (.paused, .exited(let exit)): self = .exited(exit)
        case (.running, .exitedToRestart(let exit)), (.paused, .exitedToRestart(let exit)): self = .restarting(exit)
        case (.restarting(let exit), .restartCancelled): self = .exited(exit)
        case (.created, .removalBegan): self = .removing(nil)
        case (.exited(let exit), .removalBegan), (.restarting(let exit), .removalBegan): self = .removing(exit)
        case (.dead(let exit, _), .removalBegan): self = .removing(exit)
        case (.removing(let exit), .removalFailed(let reason)): self = .dead(exit, reason)
        default: throw InvalidTransition(from: self, event: event)
        }
    }

    /// There is a process.
    package var isAlive: Bool { run != nil }

    package var run: Run? {
        switch self {
        case .running(let run), .paused(let run): run
        default: nil
        }
    }

    package var isPaused: Bool { if case .paused = self { true } else { false } }
    package var isRestarting: Bool { if case .restarting = self { true } else { false } }

    /// How the last run ended, if there was one.
    package var exit: Exit? {
        switch self {
        case .restarting(let exit), .exited(let exit): exit
        case .removing(let exit), .dead(let exit, _): exit
        default: nil
        }
    }

    /// The exit code as the API shows it: 0 while there is none.
    package var exitCode: Int {
        if case .created(let failure?) = self { failure.code } else { exit?.code ?? 0 }
    }

    /// The word of `docker ps --filter status=`.
    package var status: String {
        switch self {
        case .created: "created"
        case .running: "running"
        case .paused: "paused"
        case .restarting: "restarting"
        case .exited: "exited"
        case .removing: "removing"
        case .dead: "dead"
        }
    }
}
