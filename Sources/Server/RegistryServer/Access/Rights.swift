// SPDX-License-Identifier: Apache-2.0
// Who may do what in which repository: a small JSON file, read again when it changes.
import JSON
import Primitives

/// What can be done to a repository.
enum Action: String, Sendable, CaseIterable {
    case pull, push, delete
}

/// `{"alice": {"team/**": ["pull", "push"]}, "@users": {"**": ["pull"]}, "@anonymous": {"public/*": ["pull"]}}`.
/// `*` stands for characters within a component, `**` for any. What several lines allow is added up.
struct Rights: Sendable, Equatable {
    private struct Grant: Sendable, Equatable {
        var pattern: [UInt8]
        var actions: Set<Action>
    }

    private var grants: [String: [Grant]] = [:]

    /// Everybody who has proved who he is.
    static let users = "@users"
    /// Those who have not.
    static let anonymous = "@anonymous"

    /// Everything for everybody: a registry without users.
    static let open = Rights([users: ["**": Set(Action.allCases)], anonymous: ["**": Set(Action.allCases)]])
    /// Everything for every user: a registry with users and no file of rights.
    static let usersOnly = Rights([users: ["**": Set(Action.allCases)]])

    private init(_ table: [String: [String: Set<Action>]]) {
        grants = table.mapValues { $0.map { Grant(pattern: Array($0.key.utf8), actions: $0.value) } }
    }

    init(parsing bytes: [UInt8]) throws {
        let json: JSONValue
        do { json = try JSONValue.parse(bytes, maximumDepth: 8) } catch {
            throw EngineError.invalidArgument("rights: \(error)")
        }
        guard let users = json.object else { throw EngineError.invalidArgument("rights: not an object of users") }
        for (user, patterns) in users.fields {
            if user.hasPrefix("@"), user != Self.users, user != Self.anonymous {
                throw EngineError.invalidArgument("rights: \(user) is neither @users nor @anonymous")
            }
            guard let patterns = patterns.object else {
                throw EngineError.invalidArgument("rights of \(user): not an object of repository patterns")
            }
            for (pattern, actions) in patterns.fields {
                guard let words = actions.array else {
                    throw EngineError.invalidArgument("rights of \(user), \(pattern): not a list of actions")
                }
                var granted: Set<Action> = []
                for word in words {
                    guard let action = word.string.flatMap(Action.init(rawValue:)) else {
                        throw EngineError.invalidArgument(
                            "rights of \(user), \(pattern): an action is pull, push or delete")
                    }
                    granted.insert(action)
                }
                grants[user, default: []].append(Grant(pattern: Array(pattern.utf8), actions: granted))
            }
        }
    }

    /// What a user (nil: nobody known) may do in a repository.
    func actions(of user: String?, in repository: RepositoryName) -> Set<Action> {
        let name = Array(repository.text.utf8)
        let lists = user.map { [$0, Self.users] } ?? [Self.anonymous]
        var actions: Set<Action> = []
        for list in lists {
            for grant in grants[list] ?? [] where Self.matches(grant.pattern[...], name[...]) {
                actions.formUnion(grant.actions)
            }
        }
        return actions
    }

    /// Glob matching in time bounded by the product of both lengths, whatever the stars.
    static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        let star = UInt8(ascii: "*")
        // The set of positions in the pattern that the name read so far can have led to.
        var positions = closure([pattern.startIndex], pattern)
        for byte in name {
            var next: Set<Int> = []
            for position in positions where position < pattern.endIndex {
                if pattern[position] == star {
                    let isDouble = position + 1 < pattern.endIndex && pattern[position + 1] == star
                    if isDouble || byte != UInt8(ascii: "/") { next.insert(position) }
                } else if pattern[position] == byte {
                    next.insert(position + 1)
                }
            }
            positions = closure(next, pattern)
            if positions.isEmpty { return false }
        }
        return positions.contains(pattern.endIndex)
    }

    /// A star may also stand for nothing.
    private static func closure(_ positions: Set<Int>, _ pattern: ArraySlice<UInt8>) -> Set<Int> {
        var all = positions
        var open = Array(positions)
        while let position = open.popLast() {
            guard position < pattern.endIndex, pattern[position] == UInt8(ascii: "*") else { continue }
            let isDouble = position + 1 < pattern.endIndex && pattern[position + 1] == UInt8(ascii: "*")
            let behind = position + (isDouble ? 2 : 1)
            if all.insert(behind).inserted { open.append(behind) }
        }
        return all
    }
}
