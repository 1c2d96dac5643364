// SPDX-License-Identifier: Apache-2.0
// What the daemon tells about itself and the machine.

/// Answer of `GET /info`.
package struct SystemInfo: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var containers: Int = 0
    @Wire package var containersRunning: Int = 0
    @Wire package var containersPaused: Int = 0
    @Wire package var containersStopped: Int = 0
    @Wire package var images: Int = 0
    @Wire package var driver: String = ""
    @Wire package var driverStatus: [[String]] = []
    @Wire package var plugins: PluginsInfo = PluginsInfo()
    @Wire package var memoryLimit: Bool = false
    @Wire package var swapLimit: Bool = false
    @Wire package var cpuCfsPeriod: Bool = false
    @Wire package var cpuCfsQuota: Bool = false
    @Wire package var cpuShares: Bool = false
    @Wire package var cpuSet: Bool = false
    @Wire package var pidsLimit: Bool = false
    @Wire package var ipv4Forwarding: Bool = false
    package var bridgeNfIptables: Bool?
    package var bridgeNfIp6tables: Bool?
    @Wire package var debug: Bool = false
    @Wire package var nfd: Int = 0
    @Wire package var oomKillDisable: Bool = false
    @Wire package var ngoroutines: Int = 0
    @Wire package var systemTime: String = ""
    @Wire package var loggingDriver: String = ""
    @Wire package var cgroupDriver: String = ""
    @Wire package var cgroupVersion: String = ""
    @Wire package var neventsListener: Int = 0
    @Wire package var kernelVersion: String = ""
    @Wire package var operatingSystem: String = ""
    @Wire package var osVersion: String = ""
    @Wire package var osType: String = ""
    @Wire package var architecture: String = ""
    @Wire package var indexServerAddress: String = ""
    @Wire package var registryConfig: RegistryServiceConfig = RegistryServiceConfig()
    @Wire package var ncpu: Int = 0
    @Wire package var memTotal: Int64 = 0
    @Nullable package var genericResources: [String]?
    @Wire package var dockerRootDir: String = ""
    @Wire package var httpProxy: String = ""
    @Wire package var httpsProxy: String = ""
    @Wire package var noProxy: String = ""
    @Wire package var name: String = ""
    @Wire package var labels: [String] = []
    @Wire package var experimentalBuild: Bool = false
    @Wire package var serverVersion: String = ""
    @Wire package var runtimes: [String: RuntimeInfo] = [:]
    @Wire package var defaultRuntime: String = ""
    @Wire package var swarm: SwarmInfo = SwarmInfo()
    @Wire package var liveRestoreEnabled: Bool = false
    @Wire package var isolation: String = ""
    @Wire package var initBinary: String = ""
    @Wire package var containerdCommit: Commit = Commit()
    @Wire package var runcCommit: Commit = Commit()
    @Wire package var initCommit: Commit = Commit()
    @Wire package var securityOptions: [String] = []
    package var defaultAddressPools: [AddressPool]?
    @Nullable package var warnings: [String]?
    @Wire package var cdiSpecDirs: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "ID", containers = "Containers", containersRunning = "ContainersRunning"
        case containersPaused = "ContainersPaused", containersStopped = "ContainersStopped", images = "Images"
        case driver = "Driver", driverStatus = "DriverStatus", plugins = "Plugins", memoryLimit = "MemoryLimit"
        case swapLimit = "SwapLimit", cpuCfsPeriod = "CpuCfsPeriod", cpuCfsQuota = "CpuCfsQuota"
        case cpuShares = "CPUShares", cpuSet = "CPUSet", pidsLimit = "PidsLimit", ipv4Forwarding = "IPv4Forwarding"
        case bridgeNfIptables = "BridgeNfIptables", bridgeNfIp6tables = "BridgeNfIp6tables", debug = "Debug"
        case nfd = "NFd", oomKillDisable = "OomKillDisable", ngoroutines = "NGoroutines", systemTime = "SystemTime"
        case loggingDriver = "LoggingDriver", cgroupDriver = "CgroupDriver", cgroupVersion = "CgroupVersion"
        case neventsListener = "NEventsListener", kernelVersion = "KernelVersion"
        case operatingSystem = "OperatingSystem", osVersion = "OSVersion", osType = "OSType"
        case architecture = "Architecture", indexServerAddress = "IndexServerAddress"
        case registryConfig = "RegistryConfig", ncpu = "NCPU", memTotal = "MemTotal"
        case genericResources = "GenericResources", dockerRootDir = "DockerRootDir", httpProxy = "HttpProxy"
        case httpsProxy = "HttpsProxy", noProxy = "NoProxy", name = "Name", labels = "Labels"
        case experimentalBuild = "ExperimentalBuild", serverVersion = "ServerVersion", runtimes = "Runtimes"
        case defaultRuntime = "DefaultRuntime", swarm = "Swarm", liveRestoreEnabled = "LiveRestoreEnabled"
        case isolation = "Isolation", initBinary = "InitBinary", containerdCommit = "ContainerdCommit"
        case runcCommit = "RuncCommit", initCommit = "InitCommit", securityOptions = "SecurityOptions"
        case defaultAddressPools = "DefaultAddressPools", warnings = "Warnings"
        case cdiSpecDirs = "CDISpecDirs"
    }
}

/// The drivers the daemon has.
package struct PluginsInfo: Codable, Sendable, Equatable {
    @Wire package var volume: [String] = []
    @Wire package var network: [String] = []
    @Nullable package var authorization: [String]?
    @Wire package var log: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case volume = "Volume", network = "Network", authorization = "Authorization", log = "Log"
    }
}

/// How registries are reached.
package struct RegistryServiceConfig: Codable, Sendable, Equatable {
    @Wire package var insecureRegistryCIDRs: [String] = []
    @Wire package var indexConfigs: [String: IndexInfo] = [:]
    @Wire package var mirrors: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case insecureRegistryCIDRs = "InsecureRegistryCIDRs", indexConfigs = "IndexConfigs", mirrors = "Mirrors"
    }
}

/// One registry.
package struct IndexInfo: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var mirrors: [String] = []
    @Wire package var secure: Bool = false
    @Wire package var official: Bool = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", mirrors = "Mirrors", secure = "Secure", official = "Official"
    }
}

/// A runtime containers can be started with.
package struct RuntimeInfo: Codable, Sendable, Equatable {
    @Wire package var path: String = ""
    package var runtimeArgs: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case path, runtimeArgs
    }
}

/// Swarm membership.
package struct SwarmInfo: Codable, Sendable, Equatable {
    @Wire package var nodeID: String = ""
    @Wire package var nodeAddr: String = ""
    @Wire package var localNodeState: String = ""
    @Wire package var controlAvailable: Bool = false
    @Wire package var error: String = ""
    @Nullable package var remoteManagers: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case nodeID = "NodeID", nodeAddr = "NodeAddr", localNodeState = "LocalNodeState"
        case controlAvailable = "ControlAvailable", error = "Error", remoteManagers = "RemoteManagers"
    }
}

/// The build of a component.
package struct Commit: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    package var expected: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "ID", expected = "Expected"
    }
}

/// Where subnets of new networks come from.
package struct AddressPool: Codable, Sendable, Equatable {
    @Wire package var base: String = ""
    @Wire package var size: Int = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case base = "Base", size = "Size"
    }
}
