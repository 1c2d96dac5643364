// SPDX-License-Identifier: Apache-2.0
// Announces what happens to the daemon's objects, and remembers the recent past for `since`.
package import DockerAPI
package import Primitives
import Synchronization

/// Publishes events and lets clients follow them.
package final class EventService: Sendable {
    private struct State {
        var recent: [EventMessage] = []
        var lastTime: Int64 = 0
        var nextKey = 0
        var followers: [Int: AsyncStream<EventMessage>.Continuation] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Number of clients that follow.
    package var followerCount: Int { state.withLock { $0.followers.count } }

    /// Announces an event. Times never go back nor repeat, so that `since` can be used to continue.
    package func publish(
        _ type: String, _ action: String, id: String, attributes: [String: String] = [:], from image: String? = nil
    ) {
        state.withLock { state in
            let now = max(Timestamp.now().unixNanoseconds, state.lastTime + 1)
            state.lastTime = now
            var event = EventMessage()
            event.type = type
            event.action = action
            event.actor.id = id
            event.actor.attributes = attributes
            event.scope = "local"
            event.time = now / 1_000_000_000
            event.timeNano = now
            if type == "container" || type == "image" {
                event.status = action
                event.id = id
                event.from = image
            }
            state.recent.append(event)
            if state.recent.count > 2 * Self.remembered {
                state.recent.removeFirst(state.recent.count - Self.remembered)
            }
            for follower in state.followers.values { follower.yield(event) }
        }
    }

    /// Past events from `since` on, then live ones until `until`, as far as the filters accept them.
    package func subscribe(
        since: Timestamp?, until: Timestamp?, filters: Filters
    ) throws -> EventSubscription {
        try filters.validate(Self.acceptedFilters)
        if let since, let until, since > until {
            throw EngineError.invalidArgument(
                "`since` time (\(since.seconds)) cannot be after `until` time (\(until.seconds))")
        }
        let (stream, continuation) = AsyncStream<EventMessage>.makeStream(bufferingPolicy: .bufferingNewest(4096))
        let key = state.withLock { state in
            if let since {
                for event in state.recent where event.timeNano >= since.unixNanoseconds { continuation.yield(event) }
            }
            if let until, until <= Timestamp.now() {
                continuation.finish()
                return -1
            }
            state.nextKey += 1
            state.followers[state.nextKey] = continuation
            return state.nextKey
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.followers.removeValue(forKey: key) }
        }
        if let until, key >= 0 {
            // Ends by itself at `until`; a subscription closed earlier has finished the stream already.
            Task {
                let seconds = until.secondsSince(.now())
                if seconds > 0 { try await Task.sleep(for: .seconds(seconds)) }
                continuation.finish()
            }
        }
        return EventSubscription(stream: stream, continuation: continuation, until: until, filter: EventFilter(filters))
    }

    /// Ends every subscription; the daemon is going.
    package func shutdown() {
        let followers = state.withLock { Array($0.followers.values) }
        for follower in followers { follower.finish() }
    }

    private static let remembered = 256
    private static let acceptedFilters: Set<String> = [
        "config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret",
        "service", "type", "volume",
    ]
}

/// A client that follows events; a slow one loses the oldest it has not read, never slows the daemon. One reader at a time.
package final class EventSubscription: Sendable {
    private let reader: EventReader
    private let continuation: AsyncStream<EventMessage>.Continuation
    private let until: Timestamp?
    private let filter: EventFilter

    init(
        stream: AsyncStream<EventMessage>, continuation: AsyncStream<EventMessage>.Continuation, until: Timestamp?,
        filter: EventFilter
    ) {
        reader = EventReader(stream)
        self.continuation = continuation
        self.until = until
        self.filter = filter
    }

    /// The next event; nil when `until` has passed or the subscription was closed.
    package func next() async throws -> EventMessage? {
        while let event = await reader.next() {
            if let until, event.timeNano > until.unixNanoseconds { return nil }
            if filter.accepts(event) { return event }
        }
        return nil
    }

    package func close() { continuation.finish() }

    deinit { continuation.finish() }
}

/// Holds the iterator of a stream for its one reader.
private actor EventReader {
    private var iterator: AsyncStream<EventMessage>.AsyncIterator?

    init(_ stream: AsyncStream<EventMessage>) { iterator = stream.makeAsyncIterator() }

    func next() async -> EventMessage? {
        // Taken out while suspended: an actor must not keep exclusive access to its property across the wait.
        guard var current = iterator else { return nil }
        iterator = nil
        let event = await current.next(isolation: self)
        iterator = current
        return event
    }
}
