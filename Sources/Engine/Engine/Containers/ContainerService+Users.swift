// SPDX-License-Identifier: Apache-2.0
// The users of the host that a container's users are.
import DockerAPI
import Primitives
import Tasks

/// The user namespace of one start.
struct ContainerUsers: Sendable {
    var mapping: UserMapping
    /// That of the container whose namespaces are shared: they belong to it.
    var sharedPath: String?
}

extension ContainerService {
    /// Nil when the container's users are the host's.
    func users(of record: ContainerRecord) throws -> ContainerUsers? {
        for mode in [record.hostConfig.networkMode, record.hostConfig.ipcMode, record.hostConfig.pidMode]
        where mode.hasPrefix("container:") {
            let target = try registry.find(String(mode.dropFirst("container:".count))).record
            guard let other = try users(of: target) else {
                guard try ownUsers(record) == nil else { throw ContainerErrors.sharesWithHostUsers(target.id) }
                continue
            }
            guard let run = target.state.run else { continue }  // The namespace that is missing is the error to tell.
            return ContainerUsers(mapping: other.mapping, sharedPath: "/proc/\(run.pid)/ns/user")
        }
        return try ownUsers(record).map { ContainerUsers(mapping: $0) }
    }

    private func ownUsers(_ record: ContainerRecord) throws -> UserMapping? {
        switch record.hostConfig.usernsMode {
        case "host": nil
        case "": record.hostConfig.privileged ? nil : settings.remapping
        default: record.userMapping
        }
    }

    /// Docker's rules for user namespaces.
    func checkUsers(_ host: HostConfig) throws {
        let mode = host.usernsMode
        if mode == "host" { return }
        let isAutomatic = try UserRangePool.size(ofMode: mode) != nil
        guard mode.isEmpty || isAutomatic else {
            throw EngineError.invalidArgument("invalid userns mode: \(mode)")
        }
        guard isAutomatic || settings.remapping != nil else { return }
        if host.privileged { throw ContainerErrors.privilegedWithUsers }
        if host.networkMode == "host" { throw ContainerErrors.hostNetworkWithUsers }
        if host.pidMode == "host" { throw ContainerErrors.hostProcessesWithUsers }
    }
}
