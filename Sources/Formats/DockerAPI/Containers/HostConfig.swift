// SPDX-License-Identifier: Apache-2.0
// The part of a container configuration that belongs to the host: limits, mounts, ports, privileges.

/// Resources, mounts, ports and isolation of one container on this machine.
package struct HostConfig: Codable, Sendable, Equatable {
    /// `source:destination[:options]`
    @Nullable package var binds: [String]?
    @Wire package var containerIDFile: String = ""
    @Wire package var logConfig: LogConfig = LogConfig()
    /// `default`, `bridge`, `host`, `none`, `container:ID` or the name of a network
    @Wire package var networkMode: String = ""
    @Nullable package var portBindings: [String: [PortBinding]?]?
    @Wire package var restartPolicy: RestartPolicySpec = RestartPolicySpec()
    @Wire package var autoRemove: Bool = false
    @Wire package var volumeDriver: String = ""
    @Nullable package var volumesFrom: [String]?
    /// Height and width.
    @Nullable package var consoleSize: [Int]?
    package var annotations: [String: String]?
    @Nullable package var capAdd: [String]?
    @Nullable package var capDrop: [String]?
    @Wire package var cgroupnsMode: String = ""
    @Nullable package var dns: [String]?
    @Nullable package var dnsOptions: [String]?
    @Nullable package var dnsSearch: [String]?
    @Nullable package var extraHosts: [String]?
    @Nullable package var groupAdd: [String]?
    @Wire package var ipcMode: String = ""
    @Wire package var cgroup: String = ""
    @Nullable package var links: [String]?
    @Wire package var oomScoreAdj: Int = 0
    @Wire package var pidMode: String = ""
    @Wire package var privileged: Bool = false
    @Wire package var publishAllPorts: Bool = false
    @Wire package var readonlyRootfs: Bool = false
    @Nullable package var securityOpt: [String]?
    package var storageOpt: [String: String]?
    package var tmpfs: [String: String]?
    @Wire package var utsMode: String = ""
    @Wire package var usernsMode: String = ""
    @Wire package var shmSize: Int64 = 0
    package var sysctls: [String: String]?
    @Wire package var runtime: String = ""
    @Wire package var isolation: String = ""
    @Wire package var cpuShares: Int64 = 0
    @Wire package var memory: Int64 = 0
    @Wire package var nanoCpus: Int64 = 0
    @Wire package var cgroupParent: String = ""
    @Wire package var blkioWeight: Int = 0
    @Nullable package var blkioWeightDevice: [WeightDevice]?
    @Nullable package var blkioDeviceReadBps: [ThrottleDevice]?
    @Nullable package var blkioDeviceWriteBps: [ThrottleDevice]?
    @Nullable package var blkioDeviceReadIOps: [ThrottleDevice]?
    @Nullable package var blkioDeviceWriteIOps: [ThrottleDevice]?
    @Wire package var cpuPeriod: Int64 = 0
    @Wire package var cpuQuota: Int64 = 0
    @Wire package var cpuRealtimePeriod: Int64 = 0
    @Wire package var cpuRealtimeRuntime: Int64 = 0
    @Wire package var cpusetCpus: String = ""
    @Wire package var cpusetMems: String = ""
    @Nullable package var devices: [DeviceMapping]?
    @Nullable package var deviceCgroupRules: [String]?
    @Nullable package var deviceRequests: [DeviceRequest]?
    package var kernelMemory: Int64?
    package var kernelMemoryTCP: Int64?
    @Wire package var memoryReservation: Int64 = 0
    @Wire package var memorySwap: Int64 = 0
    @Nullable package var memorySwappiness: Int64?
    @Nullable package var oomKillDisable: Bool?
    @Nullable package var pidsLimit: Int64?
    @Nullable package var ulimits: [Ulimit]?
    @Wire package var cpuCount: Int64 = 0
    @Wire package var cpuPercent: Int64 = 0
    @Wire package var ioMaximumIOps: Int64 = 0
    @Wire package var ioMaximumBandwidth: Int64 = 0
    package var mounts: [MountSpec]?
    @Nullable package var maskedPaths: [String]?
    @Nullable package var readonlyPaths: [String]?
    package var usesInit: Bool?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case binds = "Binds", containerIDFile = "ContainerIDFile", logConfig = "LogConfig"
        case networkMode = "NetworkMode", portBindings = "PortBindings", restartPolicy = "RestartPolicy"
        case autoRemove = "AutoRemove", volumeDriver = "VolumeDriver", volumesFrom = "VolumesFrom"
        case consoleSize = "ConsoleSize", annotations = "Annotations", capAdd = "CapAdd", capDrop = "CapDrop"
        case cgroupnsMode = "CgroupnsMode", dns = "Dns", dnsOptions = "DnsOptions", dnsSearch = "DnsSearch"
        case extraHosts = "ExtraHosts", groupAdd = "GroupAdd", ipcMode = "IpcMode", cgroup = "Cgroup"
        case links = "Links", oomScoreAdj = "OomScoreAdj", pidMode = "PidMode", privileged = "Privileged"
        case publishAllPorts = "PublishAllPorts", readonlyRootfs = "ReadonlyRootfs", securityOpt = "SecurityOpt"
        case storageOpt = "StorageOpt", tmpfs = "Tmpfs", utsMode = "UTSMode", usernsMode = "UsernsMode"
        case shmSize = "ShmSize", sysctls = "Sysctls", runtime = "Runtime", isolation = "Isolation"
        case cpuShares = "CpuShares", memory = "Memory", nanoCpus = "NanoCpus", cgroupParent = "CgroupParent"
        case blkioWeight = "BlkioWeight", blkioWeightDevice = "BlkioWeightDevice"
        case blkioDeviceReadBps = "BlkioDeviceReadBps", blkioDeviceWriteBps = "BlkioDeviceWriteBps"
        case blkioDeviceReadIOps = "BlkioDeviceReadIOps", blkioDeviceWriteIOps = "BlkioDeviceWriteIOps"
        case cpuPeriod = "CpuPeriod", cpuQuota = "CpuQuota", cpuRealtimePeriod = "CpuRealtimePeriod"
        case cpuRealtimeRuntime = "CpuRealtimeRuntime", cpusetCpus = "CpusetCpus", cpusetMems = "CpusetMems"
        case devices = "Devices", deviceCgroupRules = "DeviceCgroupRules", deviceRequests = "DeviceRequests"
        case kernelMemory = "KernelMemory", kernelMemoryTCP = "KernelMemoryTCP"
        case memoryReservation = "MemoryReservation", memorySwap = "MemorySwap"
        case memorySwappiness = "MemorySwappiness", oomKillDisable = "OomKillDisable", pidsLimit = "PidsLimit"
        case ulimits = "Ulimits", cpuCount = "CpuCount", cpuPercent = "CpuPercent", ioMaximumIOps = "IOMaximumIOps"
        case ioMaximumBandwidth = "IOMaximumBandwidth", mounts = "Mounts", maskedPaths = "MaskedPaths"
        case readonlyPaths = "ReadonlyPaths", usesInit = "Init"
    }
}
