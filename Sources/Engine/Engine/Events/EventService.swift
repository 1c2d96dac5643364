// SPDX-License-Identifier: Apache-2.0
// Announces what happens to the daemon's objects, and remembers the recent past for `since`.
package import DockerAPI
package import Primitives

/// Publishes events and lets clients follow them.
package final class EventService: Sendable {
    package init() {}
}

extension EventService {
    /// Past events from `since` on, then live ones until `until`, as far as the filters accept them.
    package func subscribe(since: Timestamp?, until: Timestamp?, filters: Filters) throws -> EventSubscription { todo() }
}

/// A client that follows events; a slow one loses the oldest it has not read, never slows the daemon.
package final class EventSubscription: Sendable {
    /// The next event; nil when `until` has passed or the subscription was closed.
    package func next() async throws -> EventMessage? { todo() }
    package func close() { todo() }
}
