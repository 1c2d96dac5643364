// SPDX-License-Identifier: Apache-2.0
// The daemon's settings as the services need them.
import DockerAPI
import Tasks

/// Settled when the daemon starts; what a reload may change is read through `ReloadableSettings`.
struct EngineSettings: Sendable {
    var dataRoot: String
    var execRoot: String
    /// Names this daemon to its clients; kept over restarts.
    var identity: String
    var architecture: String
    var limits: MachineLimits
    var hasDefaultBridge = true
    var logDriver = "json-file"
    var logOptions: [String: String] = [:]
    var defaultShmSize: Int64 = 67_108_864
    var defaultUlimits: [Ulimit] = []
    var usesInitByDefault = false
    var cgroupParent = ""
    var noNewPrivileges = false
    /// Where vendors describe their devices.
    var cdiFolders: [String] = []
    /// The users of containers on the host (`--userns-remap`); nil: they are the host's.
    var remapping: UserMapping?
    /// Private ranges for `--userns=auto`.
    var userRanges = UserRangePool(users: [], groups: [])
    var defaultMaskedPaths: [String] = []
    var defaultReadonlyPaths: [String] = []
}
