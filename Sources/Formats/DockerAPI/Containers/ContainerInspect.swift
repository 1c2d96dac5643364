// SPDX-License-Identifier: Apache-2.0
// Everything `docker inspect` shows about a container.

/// Answer of `GET /containers/{id}/json`.
package struct ContainerInspect: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var created: String = ""
    @Wire package var path: String = ""
    @Wire package var args: [String] = []
    @Wire package var state: ContainerStateView = ContainerStateView()
    @Wire package var image: String = ""
    @Wire package var resolvConfPath: String = ""
    @Wire package var hostnamePath: String = ""
    @Wire package var hostsPath: String = ""
    @Wire package var logPath: String = ""
    @Wire package var name: String = ""
    @Wire package var restartCount: Int = 0
    @Wire package var driver: String = ""
    @Wire package var platform: String = ""
    @Wire package var mountLabel: String = ""
    @Wire package var processLabel: String = ""
    @Wire package var appArmorProfile: String = ""
    @Nullable package var execIDs: [String]?
    @Wire package var hostConfig: HostConfig = HostConfig()
    @Wire package var graphDriver: GraphDriverData = GraphDriverData()
    package var sizeRw: Int64?
    package var sizeRootFs: Int64?
    @Wire package var mounts: [MountPoint] = []
    @Wire package var config: ContainerConfig = ContainerConfig()
    @Wire package var networkSettings: NetworkSettings = NetworkSettings()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", created = "Created", path = "Path", args = "Args", state = "State", image = "Image"
        case resolvConfPath = "ResolvConfPath", hostnamePath = "HostnamePath", hostsPath = "HostsPath"
        case logPath = "LogPath", name = "Name", restartCount = "RestartCount", driver = "Driver"
        case platform = "Platform", mountLabel = "MountLabel", processLabel = "ProcessLabel"
        case appArmorProfile = "AppArmorProfile", execIDs = "ExecIDs", hostConfig = "HostConfig"
        case graphDriver = "GraphDriver", sizeRw = "SizeRw", sizeRootFs = "SizeRootFs", mounts = "Mounts"
        case config = "Config", networkSettings = "NetworkSettings"
    }
}

/// The state of a container as Docker spells it: flags computed from the one state.
package struct ContainerStateView: Codable, Sendable, Equatable {
    @Wire package var status: String = ""
    @Wire package var running: Bool = false
    @Wire package var paused: Bool = false
    @Wire package var restarting: Bool = false
    @Wire package var oomKilled: Bool = false
    @Wire package var dead: Bool = false
    @Wire package var pid: Int = 0
    @Wire package var exitCode: Int = 0
    @Wire package var error: String = ""
    @Wire package var startedAt: String = ""
    @Wire package var finishedAt: String = ""
    package var health: Health?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case status = "Status", running = "Running", paused = "Paused", restarting = "Restarting"
        case oomKilled = "OOMKilled", dead = "Dead", pid = "Pid", exitCode = "ExitCode", error = "Error"
        case startedAt = "StartedAt", finishedAt = "FinishedAt", health = "Health"
    }
}

/// What the health checks of a container found.
package struct Health: Codable, Sendable, Equatable {
    @Wire package var status: String = ""
    @Wire package var failingStreak: Int = 0
    @Wire package var log: [HealthLogEntry] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case status = "Status", failingStreak = "FailingStreak", log = "Log"
    }
}

/// One run of a health check.
package struct HealthLogEntry: Codable, Sendable, Equatable {
    @Wire package var start: String = ""
    @Wire package var end: String = ""
    @Wire package var exitCode: Int = 0
    @Wire package var output: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case start = "Start", end = "End", exitCode = "ExitCode", output = "Output"
    }
}

/// Where the layers of a container or image lie.
package struct GraphDriverData: Codable, Sendable, Equatable {
    @Nullable package var data: [String: String]?
    @Wire package var name: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case data = "Data", name = "Name"
    }
}

/// A mount of a container as it was made.
package struct MountPoint: Codable, Sendable, Equatable {
    @Wire package var type: String = ""
    package var name: String?
    @Wire package var source: String = ""
    @Wire package var destination: String = ""
    package var driver: String?
    @Wire package var mode: String = ""
    @Wire package var rw: Bool = false
    @Wire package var propagation: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case type = "Type", name = "Name", source = "Source", destination = "Destination", driver = "Driver"
        case mode = "Mode", rw = "RW", propagation = "Propagation"
    }
}

/// The network side of a container; the single values repeat those of the default bridge.
package struct NetworkSettings: Codable, Sendable, Equatable {
    @Wire package var bridge: String = ""
    @Wire package var sandboxID: String = ""
    @Wire package var sandboxKey: String = ""
    @Wire package var ports: [String: [PortBinding]?] = [:]
    @Wire package var hairpinMode: Bool = false
    @Wire package var linkLocalIPv6Address: String = ""
    @Wire package var linkLocalIPv6PrefixLen: Int = 0
    @Nullable package var secondaryIPAddresses: [String]?
    @Nullable package var secondaryIPv6Addresses: [String]?
    @Wire package var endpointID: String = ""
    @Wire package var gateway: String = ""
    @Wire package var globalIPv6Address: String = ""
    @Wire package var globalIPv6PrefixLen: Int = 0
    @Wire package var ipAddress: String = ""
    @Wire package var ipPrefixLen: Int = 0
    @Wire package var ipv6Gateway: String = ""
    @Wire package var macAddress: String = ""
    @Wire package var networks: [String: EndpointSettings] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case bridge = "Bridge", sandboxID = "SandboxID", sandboxKey = "SandboxKey", ports = "Ports"
        case hairpinMode = "HairpinMode", linkLocalIPv6Address = "LinkLocalIPv6Address"
        case linkLocalIPv6PrefixLen = "LinkLocalIPv6PrefixLen", secondaryIPAddresses = "SecondaryIPAddresses"
        case secondaryIPv6Addresses = "SecondaryIPv6Addresses", endpointID = "EndpointID", gateway = "Gateway"
        case globalIPv6Address = "GlobalIPv6Address", globalIPv6PrefixLen = "GlobalIPv6PrefixLen"
        case ipAddress = "IPAddress", ipPrefixLen = "IPPrefixLen", ipv6Gateway = "IPv6Gateway"
        case macAddress = "MacAddress", networks = "Networks"
    }
}
