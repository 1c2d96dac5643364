// SPDX-License-Identifier: Apache-2.0
// Parameters of the container requests.
package import DockerAPI
package import Primitives

/// Parameters of `GET /containers/json`.
package struct ContainerListOptions: Sendable {
    package var all = false
    package var limit: Int?
    package var size = false
    package var filters = Filters()

    package init() {}
}

/// What `POST /containers/{id}/wait` waits for.
package enum WaitCondition: String, Sendable {
    case notRunning = "not-running"
    case nextExit = "next-exit"
    case removed
}

/// Parameters of `GET /containers/{id}/logs`.
package struct LogsOptions: Sendable {
    package var follow = false
    package var stdout = false
    package var stderr = false
    package var since: Timestamp?
    package var until: Timestamp?
    package var timestamps = false
    package var details = false
    /// Number of last lines; nil is all.
    package var tail: Int?

    package init() {}
}

/// Parameters of `POST /containers/{id}/attach`.
package struct AttachOptions: Sendable {
    package var stream = false
    package var logs = false
    package var stdin = false
    package var stdout = false
    package var stderr = false
    package var detachKeys: String?

    package init() {}
}

/// A wait that was registered; clients must have their answer's head before the container is started.
package struct PendingWait: Sendable {
    /// Suspends until the condition is met.
    package let result: @Sendable () async throws -> ContainerWaitResponse

    package init(result: @escaping @Sendable () async throws -> ContainerWaitResponse) { self.result = result }
}
