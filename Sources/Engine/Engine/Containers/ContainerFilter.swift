// SPDX-License-Identifier: Apache-2.0
// The filters of `docker ps`.
import DockerAPI
import Networking
import Primitives

/// Values of one key are alternatives (labels excepted), keys must all match.
struct ContainerFilter {
    private let filters: Filters
    private let all: Bool
    private let before: ContainerRecord?
    private let since: ContainerRecord?
    private let exited: [Int]?
    private let ports: [String: [(first: UInt16, last: UInt16, transport: String)]]

    init(_ filters: Filters, all: Bool, registry: ContainerRegistry) throws(EngineError) {
        try filters.validate(Self.accepted)
        self.filters = filters
        var exited: [Int]?
        for text in filters["exited"] ?? [] {
            guard let code = Int(text) else {
                throw .invalidArgument("strconv.Atoi: parsing \"\(text)\": invalid syntax")
            }
            exited = (exited ?? []) + [code]
        }
        self.exited = exited
        for status in filters["status"] ?? [] where !Self.statuses.contains(status) {
            throw .invalidArgument("invalid filter 'status=\(status)'")
        }
        for health in filters["health"] ?? [] where !["starting", "healthy", "unhealthy", "none"].contains(health) {
            throw .invalidArgument("unrecognised filter value for health: \(health)")
        }
        if let name = filters["before"]?.first { before = try registry.find(name).record } else { before = nil }
        if let name = filters["since"]?.first { since = try registry.find(name).record } else { since = nil }
        var ports: [String: [(first: UInt16, last: UInt16, transport: String)]] = [:]
        for key in ["publish", "expose"] {
            for text in filters[key] ?? [] {
                let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
                let range = try PortKey.range(parts.first ?? "")
                ports[key, default: []].append(
                    (range.first, range.last ?? range.first, parts.count == 2 ? parts[1] : "tcp"))
            }
        }
        self.ports = ports
        _ = try filters.bool("is-task")
        // Asking for a state, or relative to a container, looks at all of them.
        self.all = all || exited != nil || filters["status"] != nil || before != nil || since != nil
    }

    func accepts(_ record: ContainerRecord) -> Bool {
        if !all, !record.state.isAlive, !record.state.isRestarting { return false }
        if let statuses = filters["status"], !statuses.contains(record.state.status) { return false }
        if let ids = filters["id"], !ids.contains(where: { record.id.hasPrefix($0) }) { return false }
        if let names = filters["name"], !names.contains(where: { NamePattern.matches($0, name: record.name) }) {
            return false
        }
        if !filters.matchesLabels(record.config.labels ?? [:]) { return false }
        if let exited, !(exited.contains(record.state.exitCode) && record.state.exit != nil) { return false }
        if let before, !(record.created < before.created) { return false }
        if let since, !(since.created < record.created) { return false }
        if let healths = filters["health"], !healths.contains(record.health?.status ?? "none") { return false }
        if let images = filters["ancestor"], !images.contains(where: { isMade(record, from: $0) }) { return false }
        if let volumes = filters["volume"],
            !volumes.contains(where: { wanted in
                record.mounts.contains { [$0.point.name, $0.point.source, $0.point.destination].contains(wanted) }
            })
        {
            return false
        }
        if let networks = filters["network"],
            !networks.contains(where: { wanted in
                ContainerService.shownEndpoints(record).contains { name, endpoint in
                    name == wanted || (!endpoint.networkID.isEmpty && endpoint.networkID.hasPrefix(wanted))
                }
            })
        {
            return false
        }
        if filters["is-task"]?.contains(where: { ["true", "1"].contains($0) }) == true { return false }
        if let wanted = ports["publish"], !matches(wanted, record.ports.filter { $0.value?.isEmpty == false }.keys) {
            return false
        }
        if let wanted = ports["expose"],
            !matches(wanted, Array(record.ports.keys) + (record.config.exposedPorts ?? [:]).keys)
        {
            return false
        }
        return true
    }

    private func matches(
        _ wanted: [(first: UInt16, last: UInt16, transport: String)], _ keys: some Sequence<String>
    ) -> Bool {
        // Keys were validated when the container was made; one that does not parse matches nothing.
        keys.compactMap { try? PortKey($0) }.contains { key in
            wanted.contains { ($0.first...$0.last).contains(key.port) && $0.transport == key.transport.rawValue }
        }
    }

    private func isMade(_ record: ContainerRecord, from image: String) -> Bool {
        let id = record.imageID
        if image == id || image == record.config.image { return true }
        let hex = id.split(separator: ":").last.map(String.init) ?? id
        let bare = image.hasPrefix("sha256:") ? String(image.dropFirst(7)) : image
        if bare.count >= 4, hex.hasPrefix(bare) { return true }
        return record.config.image == image + ":latest" || record.config.image + ":latest" == image
    }

    private static let accepted: Set<String> = [
        "ancestor", "before", "exited", "id", "isolation", "label", "name", "status", "health", "since", "volume",
        "network", "is-task", "publish", "expose",
    ]
    private static let statuses: Set<String> = [
        "created", "running", "paused", "restarting", "removing", "exited", "dead",
    ]
}
