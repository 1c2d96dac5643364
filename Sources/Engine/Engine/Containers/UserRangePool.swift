// SPDX-License-Identifier: Apache-2.0
// Private ranges of users for containers with --userns=auto.
import Primitives
import Synchronization
import Tasks

/// Hands out ranges that no other container has. What is handed out is in the containers' records; here only who holds what.
final class UserRangePool: Sendable {
    static let defaultSize: UInt32 = 65536

    private let users: [SubordinateIDs.Range]
    private let groups: [SubordinateIDs.Range]
    private let holders = Mutex<[String: UserMapping]>([:])

    init(users: [SubordinateIDs.Range], groups: [SubordinateIDs.Range]) {
        self.users = users
        self.groups = groups
    }

    /// The size a mode of `auto` or `auto:size=N` asks for; nil for another mode.
    static func size(ofMode mode: String) throws(EngineError) -> UInt32? {
        if mode == "auto" { return defaultSize }
        guard mode.hasPrefix("auto:") else { return nil }
        let option = mode.dropFirst("auto:".count)
        guard option.hasPrefix("size="), let size = UInt32(option.dropFirst("size=".count)), size > 0 else {
            throw .invalidArgument("invalid userns mode: \(mode): use auto or auto:size=N")
        }
        return size
    }

    func allocate(for container: String, size: UInt32) throws(EngineError) -> UserMapping {
        guard !users.isEmpty, !groups.isEmpty else {
            throw .invalidArgument(
                "--userns=auto needs users to give to containers: name the user containers in /etc/subuid and "
                    + "/etc/subgid, or start the daemon with --userns-auto-pool")
        }
        let made = holders.withLock { holders -> UserMapping? in
            let held = holders.values
            guard let user = Self.firstFree(in: users, beside: held.flatMap(\.users), size: size),
                let group = Self.firstFree(in: groups, beside: held.flatMap(\.groups), size: size)
            else { return nil }
            let mapping = UserMapping(
                users: [.init(container: 0, host: user, size: size)],
                groups: [.init(container: 0, host: group, size: size)])
            holders[container] = mapping
            return mapping
        }
        guard let made else {
            throw .conflict("no range of \(size) users is left for --userns=auto: remove containers or widen the pool")
        }
        return made
    }

    /// A container that an earlier daemon gave a range.
    func claim(_ mapping: UserMapping, for container: String) { holders.withLock { $0[container] = mapping } }

    func release(_ container: String) { holders.withLock { $0[container] = nil } }

    /// The lowest start of `size` ids in the pool that no other range touches.
    static func firstFree(in pool: [SubordinateIDs.Range], beside taken: [UserMapping.Range], size: UInt32) -> UInt32? {
        let taken = taken.sorted { $0.host < $1.host }
        for range in pool {
            let end = UInt64(range.start) + UInt64(range.size)
            var start = UInt64(range.start)
            for other in taken where start < UInt64(other.host) + UInt64(other.size) {
                if start + UInt64(size) <= UInt64(other.host) { break }
                start = UInt64(other.host) + UInt64(other.size)
            }
            if start + UInt64(size) <= end { return UInt32(start) }
        }
        return nil
    }
}
