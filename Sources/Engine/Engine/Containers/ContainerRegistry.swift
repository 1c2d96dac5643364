// SPDX-License-Identifier: Apache-2.0
// The containers of the daemon by id and by name.
import Primitives
import Synchronization

/// The table every lookup goes through. A name is taken before its container exists, so that two creates cannot share it.
final class ContainerRegistry: Sendable {
    private struct State {
        var containers: [String: Container] = [:]
        var names: [String: String] = [:]
    }

    private let state = Mutex(State())

    var all: [Container] { state.withLock { Array($0.containers.values) } }
    var count: Int { state.withLock { $0.containers.count } }

    func insert(_ container: Container) {
        let name = container.record.name
        state.withLock { state in
            state.containers[container.id] = container
            state.names[name] = container.id
        }
    }

    func remove(_ container: Container) {
        let name = container.record.name
        state.withLock { state in
            state.containers[container.id] = nil
            if state.names[name] == container.id { state.names[name] = nil }
        }
    }

    /// Takes a name for an id; gives the id of its holder when it is taken.
    func reserve(_ name: String, for id: String) -> String? {
        state.withLock { state in
            if let holder = state.names[name], holder != id { return holder }
            state.names[name] = id
            return nil
        }
    }

    func release(_ name: String, of id: String) {
        state.withLock { state in
            if state.names[name] == id { state.names[name] = nil }
        }
    }

    /// By full id, name, or unambiguous prefix of an id, in that order.
    func find(_ reference: String) throws(EngineError) -> Container {
        let bare = reference.hasPrefix("/") ? String(reference.dropFirst()) : reference
        guard !bare.isEmpty else { throw .invalidArgument("No container name or ID supplied") }
        let result: Result<Container, EngineError> = state.withLock { state in
            if let container = state.containers[bare] { return .success(container) }
            if let id = state.names[bare], let container = state.containers[id] { return .success(container) }
            var found: Container?
            for (id, container) in state.containers where id.hasPrefix(bare) {
                if found != nil { return .failure(ContainerErrors.ambiguous(reference)) }
                found = container
            }
            return found.map(Result.success) ?? .failure(ContainerErrors.notFound(reference))
        }
        return try result.get()
    }
}
