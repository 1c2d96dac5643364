// SPDX-License-Identifier: Apache-2.0
// What a restarted daemon concludes from what it saved and what it observes. Pure.
package import Primitives

/// What was found of a container's process.
package enum Observation: Sendable, Equatable {
    case created
    case running(Run)
    case paused(Run)
    case exited(code: Int, oomKilled: Bool, at: Timestamp)
    /// Neither shim nor exit record.
    case nothing
}

/// The steps from a saved state to the truth.
package enum Reconciliation {
    package struct Plan: Sendable, Equatable {
        /// Applied to the saved state in this order.
        package var events: [ContainerState.Event] = []
        /// The run that ended while no daemon was watching: recorded as every other end, restart policy included.
        package var ended: Exit?
        /// The process lives: follow it.
        package var isAlive = false
        /// A shim or its files remain without use.
        package var discards = false
    }

    package static func plan(_ saved: ContainerState, _ observed: Observation, now: Timestamp) -> Plan {
        var plan = Plan()
        switch (saved, observed) {
        case (.running, .running), (.paused, .paused): plan.isAlive = true
        case (.running, .paused):
            plan.events = [.paused]
            plan.isAlive = true
        case (.paused, .running):
            plan.events = [.resumed]
            plan.isAlive = true
        case (.created, .running(let run)), (.exited, .running(let run)), (.restarting, .running(let run)):
            // The daemon ended between the start and its record.
            plan.events = [.started(run)]
            plan.isAlive = true
        case (.created, .paused(let run)), (.exited, .paused(let run)), (.restarting, .paused(let run)):
            plan.events = [.started(run), .paused]
            plan.isAlive = true
        case (.running(let run), .exited(let code, let oom, let at)),
            (.paused(let run), .exited(let code, let oom, let at)):
            plan.ended = Exit(code: code, oomKilled: oom, startedAt: run.startedAt, finishedAt: at)
            plan.discards = true
        case (.running(let run), _), (.paused(let run), _):
            plan.ended = Exit(code: 137, startedAt: run.startedAt, finishedAt: now)
            plan.discards = true
        case (.created, _), (.exited, _), (.restarting, _), (.removing, _), (.dead, _):
            plan.discards = observed != .nothing
        }
        return plan
    }
}
