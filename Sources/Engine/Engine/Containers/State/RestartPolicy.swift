// SPDX-License-Identifier: Apache-2.0
// Whether and when a container that has ended is started again. Pure: no clock, no container.
package import DockerAPI
package import Primitives

/// When the daemon starts a container again by itself.
package enum RestartPolicy: Sendable, Equatable {
    case no
    case always
    case unlessStopped
    /// After an exit code other than 0; at most so many times, 0 is without limit.
    case onFailure(maximum: Int)

    package init(_ spec: RestartPolicySpec) throws(EngineError) {
        switch spec.name {
        case "", "no": self = .no
        case "always": self = .always
        case "unless-stopped": self = .unlessStopped
        case "on-failure": self = .onFailure(maximum: spec.maximumRetryCount)
        default:
            throw .invalidArgument("invalid restart policy '\(spec.name)'")
        }
        if spec.maximumRetryCount < 0 {
            throw .invalidArgument("invalid restart policy: maximum retry count cannot be negative")
        }
        if spec.maximumRetryCount != 0, spec.name != "on-failure" {
            throw .invalidArgument(
                "invalid restart policy: maximum retry count can only be used with 'on-failure'")
        }
    }

    /// What to do next.
    package enum Decision: Sendable, Equatable {
        case stay
        case restart(after: Duration)
    }

    /// Decides after an exit. `attempts` counts restarts since the user's last start; `previousDelay` is nil before the first.
    /// A run of ten seconds or more begins the delays anew.
    package func next(
        exitCode: Int, ran: Duration, attempts: Int, previousDelay: Duration?, stoppedByUser: Bool
    ) -> Decision {
        guard wants(exitCode: exitCode, attempts: attempts, stoppedByUser: stoppedByUser) else { return .stay }
        guard let previousDelay, ran < .seconds(10) else { return .restart(after: Self.firstDelay) }
        return .restart(after: min(previousDelay * 2, Self.longestDelay))
    }

    /// Whether a container that was found ended when the daemon started should be started.
    package func wantsStartWithDaemon(exitCode: Int, stoppedByUser: Bool, wasStarted: Bool) -> Bool {
        switch self {
        case .no: false
        case .always: wasStarted
        case .unlessStopped: wasStarted && !stoppedByUser
        case .onFailure: false
        }
    }

    private func wants(exitCode: Int, attempts: Int, stoppedByUser: Bool) -> Bool {
        if stoppedByUser { return false }
        switch self {
        case .no: return false
        case .always, .unlessStopped: return true
        case .onFailure(let maximum): return exitCode != 0 && (maximum == 0 || attempts < maximum)
        }
    }

    private static let firstDelay = Duration.milliseconds(100)
    private static let longestDelay = Duration.seconds(60)
}
