// SPDX-License-Identifier: Apache-2.0
// Checks a container's configuration against the rules and the machine before anything is made.
import DockerAPI
import Primitives
import Tasks

/// The facts of the machine and the daemon that decide what may be asked for.
struct MachineLimits: Sendable {
    var cpus: Int
    var runtimes: Set<String>
    var cgroupVersion: Int
    var defaultRuntime: String
    var support = CgroupSupport()
}

/// Validates and completes configurations; pure, so that a table of requests can test it.
enum ConfigurationCheck {
    static func check(_ config: ContainerConfig, _ host: HostConfig, limits: MachineLimits) throws(EngineError) {
        try checkResources(host, limits: limits)
        let policy = try RestartPolicy(host.restartPolicy)
        if host.autoRemove, policy != .no {
            throw .invalidArgument("can't create 'AutoRemove' container with restart policy")
        }
        for variable in config.env ?? [] where variable.isEmpty || variable.hasPrefix("=") {
            throw .invalidArgument("invalid environment variable: \(variable)")
        }
        if let timeout = config.stopTimeout, timeout < -1 {
            throw .invalidArgument("invalid stop timeout: \(timeout)")
        }
        if let signal = config.stopSignal, !signal.isEmpty { _ = try Signals.number(signal) }
        if !config.workingDir.isEmpty, !config.workingDir.hasPrefix("/") {
            throw .invalidArgument(
                "the working directory '\(config.workingDir)' is invalid, it needs to be an absolute path")
        }
        for port in (config.exposedPorts ?? [:]).keys { _ = try PortKey(port) }
        for (port, bindings) in host.portBindings ?? [:] {
            _ = try PortKey(port)
            for binding in bindings ?? [] { try check(binding) }
        }
        try checkModes(host)
        try checkHealth(config.healthcheck)
        for capability in host.capAdd ?? [] { try Capabilities.check(capability, field: "CapAdd") }
        for capability in host.capDrop ?? [] { try Capabilities.check(capability, field: "CapDrop") }
        let driver = host.logConfig.type
        guard ["", "json-file", "local", "none"].contains(driver) else {
            throw Self.otherLogDrivers.contains(driver)
                ? .notImplemented("HostConfig.LogConfig.Type \(driver) is not supported yet")
                : .invalidArgument("error looking up logging plugin \(driver): plugin \"\(driver)\" not found")
        }
        try checkLogOptions(host.logConfig)
        if !host.runtime.isEmpty, !limits.runtimes.contains(host.runtime) {
            throw .invalidArgument("unknown or invalid runtime name: \(host.runtime)")
        }
        for request in host.deviceRequests ?? [] where request.count != 0 && request.deviceIDs?.isEmpty == false {
            throw .invalidArgument("cannot set both Count and DeviceIDs on device request")
        }
        for entry in host.extraHosts ?? [] where !entry.contains(":") && !entry.contains("=") {
            throw .invalidArgument("bad format for add-host: \"\(entry)\"")
        }
        for option in host.annotations?.keys.sorted() ?? [] where option.isEmpty {
            throw .invalidArgument("invalid Annotations: the empty string is not permitted as an annotation key")
        }
    }

    private static let otherLogDrivers: Set<String> = [
        "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "etwlogs", "logentries",
    ]

    private static func checkLogOptions(_ log: LogConfig) throws(EngineError) {
        guard log.type != "none" else { return }
        for (key, value) in log.config ?? [:] {
            switch key {
            case "max-size": _ = try ByteSize.parse(value)
            case "max-file":
                guard let count = Int(value), count >= 1 else {
                    throw .invalidArgument("max-file cannot be less than 1")
                }
            case "mode" where value == "blocking": break
            case "mode", "max-buffer-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag":
                throw .notImplemented("HostConfig.LogConfig.Config \(key) is not supported yet")
            default:
                throw .invalidArgument(
                    "unknown log opt '\(key)' for \(log.type.isEmpty ? "json-file" : log.type) log driver")
            }
        }
    }

    static func checkResources(_ host: HostConfig, limits: MachineLimits) throws(EngineError) {
        if host.memory != 0, host.memory < 6 << 20 { throw .invalidArgument("Minimum memory limit allowed is 6MB") }
        if host.memory < 0 { throw .invalidArgument("invalid memory limit: \(host.memory)") }
        if host.memorySwap > 0, host.memory == 0 {
            throw .invalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
        }
        if host.memory > 0, host.memorySwap > 0, host.memorySwap < host.memory {
            throw .invalidArgument(
                "Minimum memoryswap limit should be larger than memory limit, see usage")
        }
        if host.memoryReservation > 0, host.memory > 0, host.memory < host.memoryReservation {
            throw .invalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")
        }
        if host.memoryReservation > 0, host.memoryReservation < 6 << 20 {
            throw .invalidArgument("Minimum memory reservation allowed is 6MB")
        }
        if (host.kernelMemory ?? 0) != 0 || (host.kernelMemoryTCP ?? 0) != 0 {
            throw .invalidArgument("kernel memory limits are not supported: the kernel has removed them")
        }
        if let swappiness = host.memorySwappiness, swappiness != -1, !(0...100).contains(swappiness) {
            throw .invalidArgument("Invalid value: \(swappiness), valid memory swappiness range is 0-100")
        }
        if host.nanoCpus != 0 {
            if host.cpuPeriod > 0 || host.cpuQuota > 0 {
                throw .invalidArgument(
                    "Conflicting options: Nano CPUs and CPU \(host.cpuPeriod > 0 ? "Period" : "Quota") cannot both be set"
                )
            }
            if host.nanoCpus < 10_000_000 || host.nanoCpus > Int64(limits.cpus) * 1_000_000_000 {
                throw .invalidArgument(
                    "Range of CPUs is from 0.01 to \(limits.cpus).00, as there are only \(limits.cpus) CPUs available")
            }
        }
        if host.cpuPeriod != 0, !(1000...1_000_000).contains(host.cpuPeriod) {
            throw .invalidArgument(
                "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
        }
        if host.cpuQuota > 0, host.cpuQuota < 1000 {
            throw .invalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
        }
        if host.cpuShares < 0 {
            throw .invalidArgument("invalid CPU shares (\(host.cpuShares)): value must be a positive integer")
        }
        if host.blkioWeight != 0, !(10...1000).contains(host.blkioWeight) {
            throw .invalidArgument("Range of blkio weight is from 10 to 1000")
        }
        if !host.cpusetCpus.isEmpty {
            guard let wanted = Self.cpuList(host.cpusetCpus) else {
                throw .invalidArgument("Invalid value \(host.cpusetCpus) for cpuset cpus")
            }
            if wanted.contains(where: { $0 >= limits.cpus }) {
                throw .invalidArgument(
                    "Requested CPUs are not available - requested \(host.cpusetCpus), available: 0-\(limits.cpus - 1)")
            }
        }
        if host.shmSize < 0 { throw .invalidArgument("SHM size can not be less than 0") }
        if !(-1000...1000).contains(host.oomScoreAdj) {
            throw .invalidArgument("Invalid value \(host.oomScoreAdj), range for oom score adj is [-1000, 1000]")
        }
        for limit in host.ulimits ?? [] {
            if limit.hard != -1, limit.soft > limit.hard || (limit.soft == -1) {
                throw .invalidArgument(
                    "ulimit soft limit must be less than or equal to hard limit: \(limit.soft) > \(limit.hard)")
            }
        }
    }

    /// `0-3,7` as numbers; nil when it is no such list.
    static func cpuList(_ text: String) -> [Int]? {
        var result: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                last - first < 8192, first >= 0
            else { return nil }
            result.append(contentsOf: first...last)
        }
        return result
    }

    private static func check(_ binding: DockerAPI.PortBinding) throws(EngineError) {
        if !binding.hostIp.isEmpty, IPAddress(binding.hostIp) == nil {
            throw .invalidArgument("invalid IP address in port mapping: \(binding.hostIp)")
        }
        _ = try PortKey.range(binding.hostPort)
    }

    private static func checkModes(_ host: HostConfig) throws(EngineError) {
        guard ["", "private", "host"].contains(host.cgroupnsMode) else {
            throw .invalidArgument("invalid cgroup namespace mode: \(host.cgroupnsMode)")
        }
        if host.cgroupnsMode == "host", host.privileged == false { /* allowed, as in Docker on cgroup v1 */  }
        guard
            ["", "none", "private", "shareable", "host"].contains(host.ipcMode) || host.ipcMode.hasPrefix("container:")
        else { throw .invalidArgument("invalid IPC mode: \(host.ipcMode)") }
        guard ["", "host"].contains(host.pidMode) || host.pidMode.hasPrefix("container:") else {
            throw .invalidArgument("invalid PID mode: \(host.pidMode)")
        }
        guard ["", "host"].contains(host.utsMode) else { throw .invalidArgument("invalid UTS mode: \(host.utsMode)") }
        if host.networkMode == "host", host.publishAllPorts {
            // Docker accepts and discards published ports in host mode; so the flag has no effect to hide.
        }
    }

    private static func checkHealth(_ health: HealthConfig?) throws(EngineError) {
        guard let health else { return }
        for (value, name) in [
            (health.interval, "Interval"), (health.timeout, "Timeout"), (health.startPeriod, "StartPeriod"),
            (health.startInterval, "StartInterval"),
        ] {
            if let value, value != 0, value < 1_000_000 {
                throw .invalidArgument("\(name) in Healthcheck cannot be less than 1ms")
            }
        }
        if let retries = health.retries, retries < 0 {
            throw .invalidArgument("Retries in Healthcheck cannot be negative")
        }
    }
}
