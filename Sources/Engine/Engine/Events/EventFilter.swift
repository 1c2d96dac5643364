// SPDX-License-Identifier: Apache-2.0
// Which events a client wants to see.
import DockerAPI

/// The `filters` of `/events`: values of one key are alternatives, keys must all match.
struct EventFilter: Sendable {
    private let filters: Filters

    init(_ filters: Filters) { self.filters = filters }

    func accepts(_ event: EventMessage) -> Bool {
        for key in filters.values.keys {
            guard let wanted = filters[key] else { continue }
            if !matches(event, key: key, wanted: wanted) { return false }
        }
        return true
    }

    private func matches(_ event: EventMessage, key: String, wanted: [String]) -> Bool {
        switch key {
        case "event":
            // `exec_create: sh -c …` and `health_status: healthy` are also found by their first word.
            let word = event.action.split(separator: ":").first.map(String.init) ?? event.action
            return wanted.contains(event.action) || wanted.contains(word)
        case "type": return wanted.contains(event.type)
        case "scope": return wanted.contains(event.scope)
        case "label": return filters.matchesLabels(event.actor.attributes)
        case "image":
            let name = event.type == "image" ? event.actor.attributes["name"] : event.actor.attributes["image"]
            return wanted.contains { want in
                want == event.actor.id || want == name || (name.map { Self.withoutTag($0) == want } ?? false)
            }
        default:
            guard event.type == key else { return false }
            let id = event.actor.id
            return wanted.contains { want in
                let bare = want.hasPrefix("/") ? String(want.dropFirst()) : want
                return bare == id || bare == event.actor.attributes["name"] || (bare.count >= 4 && id.hasPrefix(bare))
            }
        }
    }

    private static func withoutTag(_ reference: String) -> String {
        guard let colon = reference.lastIndex(of: ":"), !reference[colon...].contains("/") else { return reference }
        return String(reference[..<colon])
    }
}
