// SPDX-License-Identifier: Apache-2.0
// `GET /containers/{id}/json`.
package import DockerAPI
import Primitives
import Synchronization

extension ContainerService {
    package func inspect(_ reference: String, size: Bool) async throws -> ContainerInspect {
        let container = try registry.find(reference)
        let record = container.record
        var view = ContainerInspect()
        view.id = record.id
        view.created = record.created.rfc3339Nano
        view.path = record.path
        view.args = record.args
        view.state = Self.stateView(record)
        view.image = record.imageID
        let folder = directory(record.id)
        if record.wasStarted {
            view.resolvConfPath = folder + "/resolv.conf"
            view.hostnamePath = folder + "/hostname"
            view.hostsPath = folder + "/hosts"
        }
        if record.hostConfig.logConfig.type != "none" { view.logPath = logPath(record.id) }
        view.name = "/" + record.name
        view.restartCount = record.restartCount
        view.driver = "overlay2"
        view.appArmorProfile = Self.shownProfile(record.hostConfig)
        view.platform = "linux"
        view.execIDs = container.live.withLock { live in live.execIDs.isEmpty ? nil : live.execIDs.sorted() }
        view.hostConfig = record.hostConfig
        view.graphDriver = try await graphDriver(record)
        if size {
            let sizes = try await sizes(record)
            view.sizeRw = sizes.writable
            view.sizeRootFs = sizes.total
        }
        view.mounts = record.mounts.filter { !$0.isFromTmpfsOption }.map(\.point)
        view.config = record.config
        view.networkSettings = Self.networkSettings(record)
        return view
    }

    static func stateView(_ record: ContainerRecord) -> ContainerStateView {
        var view = ContainerStateView()
        let state = record.state
        view.status = state.status
        view.paused = state.isPaused
        view.restarting = state.isRestarting
        view.running = state.isAlive || state.isRestarting
        view.pid = Int(state.run?.pid ?? 0)
        view.exitCode = state.exitCode
        view.startedAt = (state.run?.startedAt ?? state.exit?.startedAt ?? .zero).rfc3339Nano
        view.finishedAt = (state.exit?.finishedAt ?? record.lastFinished ?? .zero).rfc3339Nano
        view.oomKilled = state.exit?.oomKilled ?? false
        switch state {
        case .created(let failure?): view.error = failure.error
        case .dead(_, let reason):
            view.dead = true
            view.error = reason
        default: view.error = state.exit?.error ?? ""
        }
        if let health = record.healthState {
            var shown = Health()
            shown.status = health.status
            shown.failingStreak = health.failingStreak
            shown.log = health.log
            view.health = shown
        }
        return view
    }

    private static func networkSettings(_ record: ContainerRecord) -> NetworkSettings {
        var settings = NetworkSettings()
        settings.sandboxID = record.sandboxID
        settings.ports = record.ports
        settings.networks = shownEndpoints(record)
        if let bridge = record.endpoints["bridge"] {
            settings.endpointID = bridge.endpointID
            settings.gateway = bridge.gateway
            settings.ipAddress = bridge.ipAddress
            settings.ipPrefixLen = bridge.ipPrefixLen
            settings.macAddress = bridge.macAddress
            settings.globalIPv6Address = bridge.globalIPv6Address
            settings.globalIPv6PrefixLen = bridge.globalIPv6PrefixLen
            settings.ipv6Gateway = bridge.ipv6Gateway
        }
        return settings
    }
}
