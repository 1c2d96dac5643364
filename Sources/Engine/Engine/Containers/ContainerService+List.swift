// SPDX-License-Identifier: Apache-2.0
// `GET /containers/json`: which containers, and what a row shows.
package import DockerAPI
import Networking
import Primitives

extension ContainerService {
    /// Newest first, as Docker lists them.
    package func list(_ options: ContainerListOptions) async throws -> [ContainerSummary] {
        let filter = try ContainerFilter(
            options.filters, all: options.all || (options.limit ?? 0) > 0, registry: registry)
        var records = registry.all.map(\.record).filter { filter.accepts($0) }
        records.sort { ($0.created, $0.id) > ($1.created, $1.id) }
        if let limit = options.limit, limit > 0 { records = Array(records.prefix(limit)) }
        var rows: [ContainerSummary] = []
        rows.reserveCapacity(records.count)
        for record in records {
            var row = Self.summary(record)
            if options.size {
                let sizes = try await sizes(record)
                row.sizeRw = sizes.writable
                row.sizeRootFs = sizes.total
            }
            rows.append(row)
        }
        return rows
    }

    static func summary(_ record: ContainerRecord) -> ContainerSummary {
        var row = ContainerSummary()
        row.id = record.id
        row.names = ["/" + record.name]
        row.image = record.config.image
        row.imageID = record.imageID
        row.command = commandLine(record)
        row.created = record.created.seconds
        row.ports = portRows(record)
        row.labels = record.config.labels ?? [:]
        row.state = record.state.status
        row.status = statusText(record)
        row.hostConfig.networkMode = record.hostConfig.networkMode
        row.hostConfig.annotations = record.hostConfig.annotations
        row.networkSettings.networks = shownEndpoints(record)
        row.mounts = record.mounts.filter { !$0.isFromTmpfsOption }.map(\.point)
        return row
    }

    /// Path and arguments with spaces between; arguments that hold spaces are quoted (as Docker's list does).
    private static func commandLine(_ record: ContainerRecord) -> String {
        if record.args.isEmpty { return record.path }
        return record.path + " "
            + record.args.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
    }

    /// `Up 3 seconds (Paused)`.
    static func statusText(_ record: ContainerRecord, now: Timestamp = .now()) -> String {
        switch record.state {
        case .created: return "Created"
        case .running(let run):
            let health = record.health.map { $0.status == "none" ? "" : " (\($0.shown))" } ?? ""
            return "Up " + humanDuration(seconds: now.secondsSince(run.startedAt)) + health
        case .paused(let run): return "Up " + humanDuration(seconds: now.secondsSince(run.startedAt)) + " (Paused)"
        case .restarting(let exit):
            return "Restarting (\(exit.code)) \(humanDuration(seconds: now.secondsSince(exit.finishedAt))) ago"
        case .exited(let exit):
            return "Exited (\(exit.code)) \(humanDuration(seconds: now.secondsSince(exit.finishedAt))) ago"
        case .removing: return "Removal In Progress"
        case .dead: return "Dead"
        }
    }

    private static func portRows(_ record: ContainerRecord) -> [PortSummary] {
        var rows: [PortSummary] = []
        for (text, bindings) in record.ports {
            // Validated before it was saved: what does not parse is not ours.
            guard let key = try? PortKey(text) else { continue }
            var row = PortSummary()
            row.privatePort = Int(key.port)
            row.type = key.transport.rawValue
            guard let bindings, !bindings.isEmpty else {
                rows.append(row)
                continue
            }
            for binding in bindings {
                row.ip = binding.hostIp
                row.publicPort = Int(binding.hostPort)
                rows.append(row)
            }
        }
        return rows.sorted {
            ($0.privatePort, $0.type, $0.publicPort ?? 0, $0.ip ?? "")
                < ($1.privatePort, $1.type, $1.publicPort ?? 0, $1.ip ?? "")
        }
    }

    /// The endpoints of the current run, or those it would have.
    static func shownEndpoints(_ record: ContainerRecord) -> [String: EndpointSettings] {
        if !record.endpoints.isEmpty { return record.endpoints }
        if !record.networking.isEmpty { return record.networking }
        if record.hostConfig.networkMode.hasPrefix("container:") { return [:] }
        return [record.hostConfig.networkMode: EndpointSettings()]
    }
}
