// SPDX-License-Identifier: Apache-2.0
// What is saved of a container: its configuration, which never changes, and what happens to it.
import DockerAPI
import Primitives
import Tasks

/// One row of the database. Decoding tolerates missing and unknown keys; `version` names the format.
struct ContainerRecord: Codable, Sendable {
    var version = 1
    let id: String
    var name: String
    let created: Timestamp
    var config: ContainerConfig
    var hostConfig: HostConfig
    /// The endpoints the user asked for, by network name.
    var networking: [String: EndpointSettings]
    let imageID: String
    let path: String
    let args: [String]
    private(set) var mounts: [ContainerMount]
    var state: ContainerState
    var restartCount = 0
    /// The last stop was the user's: `unless-stopped` respects it.
    var stoppedByUser = false
    /// Was started at least once.
    var wasStarted = false
    /// The attachments of the current run, by network name.
    var endpoints: [String: EndpointSettings] = [:]
    /// Published and exposed ports of the current run.
    var ports: [String: [PortBinding]?] = [:]
    var sandboxID = ""
    var healthState: HealthState?
    /// When the run before the current one ended.
    var lastFinished: Timestamp?

    /// The range of users that `--userns=auto` gave the container, for as long as it exists.
    var userMapping: UserMapping?

    var shortID: String { Identifier.short(id) }
}

/// A mount of a container: what the API shows, and what the engine must know beyond it.
struct ContainerMount: Codable, Sendable, Equatable {
    var point: MountPoint
    /// Made for this container alone; removed with it when `-v` or `--rm` says so.
    var isAnonymous = false
    /// Fill an empty volume with the image's files at the destination.
    var copiesUp = false
    /// A bind mount whose source is made when missing (`-v`, not `--mount`).
    var createsSource = false
    var isRecursive = true
    var isReadOnlyRecursive = false
    /// A read-only bind leaves the mounts below it as they are (`bind-recursive=writable`).
    var keepsWritableBelow: Bool?
    /// Owners of a bind mount's files in the container (`bind-idmap`).
    var owners: OwnerMap?
    /// tmpfs options such as `size=64m,mode=1777`.
    var tmpfsOptions: [String] = []
    /// From `--tmpfs`: Docker does not list these among the mounts.
    var isFromTmpfsOption = false
}

extension ContainerRecord {
    /// What the health checks of the current run say; nil without a check.
    var health: HealthState? { state.isAlive ? healthState : nil }
}

/// The small machine beside the state: starting, healthy, unhealthy.
struct HealthState: Codable, Sendable, Equatable {
    /// `starting`, `healthy`, `unhealthy`
    var status = "starting"
    var failingStreak = 0
    var log: [HealthLogEntry] = []

    /// As `docker ps` says it.
    var shown: String { status == "starting" ? "health: starting" : status }
}

extension ContainerRecord {
    /// The record with its mounts resolved; only the making of a container does this.
    func with(mounts: [ContainerMount]) -> ContainerRecord {
        var copy = self
        copy.mounts = mounts
        return copy
    }
}
