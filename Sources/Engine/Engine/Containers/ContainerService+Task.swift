// SPDX-License-Identifier: Apache-2.0
// From a saved container to the request its task is made from.
import DockerAPI
import Glibc
import Linux
import Networking
import Primitives
import Tasks

extension ContainerService {
    func taskRequest(
        _ record: ContainerRecord, root: RootFilesystem, files: NetworkFilePaths, network: JoinedNetworks,
        users: ContainerUsers?
    ) async throws -> TaskRequest {
        var configuration = try await taskConfiguration(record, root: root, files: files, network: network)
        configuration.users = users?.mapping
        configuration.userNamespacePath = users?.sharedPath
        let spec = try await drivers.specs.build(configuration)
        var request = TaskRequest(containerID: record.id, spec: spec, rootFilesystem: root)
        request.tty = record.config.tty
        request.openStdin = record.config.openStdin
        request.stdinOnce = record.config.stdinOnce
        request.usesInit = configuration.usesInit
        request.log = try Self.log(record, path: logPath(record.id))
        request.networkNamespace = network.sandbox?.descriptor.raw
        request.runtime = record.hostConfig.runtime
        return request
    }

    static func log(_ record: ContainerRecord, path: String) throws -> TaskLog {
        guard record.hostConfig.logConfig.type != "none" else { return .none }
        let options = record.hostConfig.logConfig.config ?? [:]
        let size = try options["max-size"].map { text throws(EngineError) in try ByteSize.parse(text) }
        return .jsonFile(path: path, maximumSize: size, maximumFiles: options["max-file"].flatMap { Int($0) } ?? 1)
    }

    private func taskConfiguration(
        _ record: ContainerRecord, root: RootFilesystem, files: NetworkFilePaths, network: JoinedNetworks
    ) async throws -> TaskConfiguration {
        let config = record.config
        let host = record.hostConfig
        var task = TaskConfiguration(containerID: record.id, args: [record.path] + record.args)
        task.env = config.env ?? []
        task.cwd = config.workingDir.isEmpty ? "/" : config.workingDir
        task.user = try await drivers.specs.user(config.user, groups: host.groupAdd ?? [], root: root)
        task.tty = config.tty
        if let size = host.consoleSize, size.count == 2, size[0] > 0, size[1] > 0 {
            task.consoleSize = (size[0], size[1])
        }
        task.usesInit = host.usesInit ?? false
        task.hostname = config.hostname
        task.domainname = config.domainname
        task.readonlyRoot = host.readonlyRootfs
        task.privileged = host.privileged
        task.capAdd = host.capAdd ?? []
        task.capDrop = host.capDrop ?? []
        task.maskedPaths = host.maskedPaths
        task.readonlyPaths = host.readonlyPaths
        task.noNewPrivileges = settings.noNewPrivileges
        try applySecurity(host.securityOpt ?? [], to: &task)
        try applyNamespaces(host, network, to: &task)
        task.shmSize = host.shmSize
        task.devices = (host.devices ?? []).map {
            TaskDevice(
                hostPath: $0.pathOnHost, containerPath: $0.pathInContainer.isEmpty ? $0.pathOnHost : $0.pathInContainer,
                permissions: $0.cgroupPermissions.isEmpty ? "rwm" : $0.cgroupPermissions)
        }
        task.cdiDevices = try Self.cdiDevices(host.deviceRequests ?? [])
        task.cdiFolders = settings.cdiFolders
        task.deviceCgroupRules = host.deviceCgroupRules ?? []
        task.resources = Self.resources(host)
        task.ulimits = (host.ulimits ?? []).map { TaskUlimit(name: $0.name, soft: $0.soft, hard: $0.hard) }
        task.sysctls = host.sysctls ?? [:]
        task.oomScoreAdj = host.oomScoreAdj
        task.cgroupParent = host.cgroupParent.isEmpty ? settings.cgroupParent : host.cgroupParent
        task.annotations = host.annotations ?? [:]
        task.mounts = Self.mounts(record, files: files)
        return task
    }

    /// The names asked for of the one device driver there is; what other drivers would do is refused as Docker does without them.
    private static func cdiDevices(_ requests: [DeviceRequest]) throws(EngineError) -> [String] {
        var names: [String] = []
        for request in requests {
            guard request.driver == "cdi" else {
                let capabilities = (request.capabilities ?? []).map { "[" + $0.joined(separator: " ") + "]" }
                throw .internalError(
                    "could not select device driver \"\(request.driver)\" with capabilities: "
                        + "[\(capabilities.joined(separator: " "))]")
            }
            names += (request.deviceIDs ?? []).filter { !names.contains($0) }
        }
        return names
    }

    private static func mounts(_ record: ContainerRecord, files: NetworkFilePaths) -> [TaskMount] {
        var mounts: [TaskMount] = []
        let taken = Set(record.mounts.map(\.point.destination))
        for (path, destination) in [
            (files.resolvConf, "/etc/resolv.conf"), (files.hostname, "/etc/hostname"), (files.hosts, "/etc/hosts"),
        ] where !taken.contains(destination) {
            var made = TaskMount(.bind(path), at: destination, readonly: record.hostConfig.readonlyRootfs)
            made.keepsOwners = true
            mounts.append(made)
        }
        // Parents before what is mounted below them.
        for mount in record.mounts.sorted(by: { $0.point.destination < $1.point.destination }) {
            let point = mount.point
            var made: TaskMount
            if point.type == "tmpfs" {
                made = TaskMount(.tmpfs(options: mount.tmpfsOptions), at: point.destination, readonly: !point.rw)
            } else {
                made = TaskMount(.bind(point.source), at: point.destination, readonly: !point.rw)
                made.nonRecursive = !mount.isRecursive
                made.keepsOwners = point.type == "volume"
                made.owners = mount.owners
                made.keepsWritableBelow = mount.keepsWritableBelow ?? false
                if !point.propagation.isEmpty { made.propagation = point.propagation }
            }
            mounts.append(made)
        }
        return mounts
    }

    private func applyNamespaces(
        _ host: HostConfig, _ network: JoinedNetworks, to task: inout TaskConfiguration
    ) throws {
        if network.isHost { task.namespaces.network = .host }
        if let path = network.sharedPath { task.namespaces.network = .path(path) }
        if host.pidMode == "host" { task.namespaces.pid = .host }
        if let path = try sharedNamespace(host.pidMode, "pid", "PID") { task.namespaces.pid = .path(path) }
        if host.utsMode == "host" {
            task.namespaces.uts = .host
            task.hostname = ""
        }
        switch host.ipcMode {
        case "host":
            task.namespaces.ipc = .host
            task.shmPath = "/dev/shm"
        case let mode where mode.hasPrefix("container:"):
            let path = try sharedNamespace(mode, "ipc", "IPC")
            guard let path else { break }
            task.namespaces.ipc = .path(path)
            // The other container's /dev/shm, reached through its own mount namespace.
            task.shmPath = path.replacingLastComponents(with: "root/dev/shm")
        case "none": task.hasSharedMemory = false
        default: break
        }
        task.namespaces.cgroup = host.cgroupnsMode == "private" ? .own : .host
    }

    private func sharedNamespace(_ mode: String, _ file: String, _ what: String) throws -> String? {
        guard mode.hasPrefix("container:") else { return nil }
        let target = try registry.find(String(mode.dropFirst("container:".count))).record
        guard let run = target.state.run else {
            throw EngineError.conflict("cannot join \(what) namespace of a non running container: \(target.id)")
        }
        if file == "ipc", ["private", "none"].contains(target.hostConfig.ipcMode) {
            throw EngineError.invalidArgument(
                "cannot join IPC of container \(target.id): non-shareable IPC (hint: use IpcMode:shareable for the donor "
                    + "container)")
        }
        return "/proc/\(run.pid)/ns/\(file)"
    }

    func applySecurity(_ options: [String], to task: inout TaskConfiguration) throws {
        for option in options {
            if option == "no-new-privileges" {
                task.noNewPrivileges = true
                continue
            }
            guard let separator = option.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
                throw EngineError.invalidArgument("invalid --security-opt 1: \"\(option)\"")
            }
            let key = String(option[..<separator])
            let value = String(option[option.index(after: separator)...])
            switch key {
            case "seccomp" where value == "unconfined": task.seccomp = .unconfined
            case "seccomp" where value == "builtin": task.seccomp = .standard
            case "seccomp": task.seccomp = .profile(value)
            case "no-new-privileges": task.noNewPrivileges = value == "true"
            case "apparmor": break  // Below, with the default.
            case "label" where value == "disable": break  // No SELinux label is set anyway.
            case "label" where access("/sys/fs/selinux/enforce", F_OK) != 0:
                throw EngineError.invalidArgument(
                    "HostConfig.SecurityOpt \(option): SELinux is not enabled on this host")
            case "systempaths" where value == "unconfined":
                task.maskedPaths = []
                task.readonlyPaths = []
            default: throw EngineError.notImplemented("HostConfig.SecurityOpt \(option) is not supported yet")
            }
        }
        task.apparmorProfile = Self.apparmorProfile(options, privileged: task.privileged)
    }

    static func resources(_ host: HostConfig) -> TaskResources {
        var resources = TaskResources()
        resources.memory = host.memory
        resources.memorySwap = host.memorySwap
        resources.memoryReservation = host.memoryReservation
        resources.memorySwappiness = host.memorySwappiness
        resources.oomKillDisable = host.oomKillDisable ?? false
        resources.cpuShares = host.cpuShares
        resources.cpuQuota = host.cpuQuota
        resources.cpuPeriod = host.cpuPeriod
        resources.nanoCPUs = host.nanoCpus
        resources.cpuRealtimePeriod = host.cpuRealtimePeriod
        resources.cpuRealtimeRuntime = host.cpuRealtimeRuntime
        resources.cpusetCPUs = host.cpusetCpus
        resources.cpusetMems = host.cpusetMems
        resources.pidsLimit = host.pidsLimit
        resources.blkioWeight = host.blkioWeight
        resources.blkioWeightDevices = (host.blkioWeightDevice ?? []).map { .init(path: $0.path, weight: $0.weight) }
        let rates = { (devices: [ThrottleDevice]?) in
            (devices ?? []).map { TaskResources.DeviceRate(path: $0.path, rate: $0.rate) }
        }
        resources.readBps = rates(host.blkioDeviceReadBps)
        resources.writeBps = rates(host.blkioDeviceWriteBps)
        resources.readIOps = rates(host.blkioDeviceReadIOps)
        resources.writeIOps = rates(host.blkioDeviceWriteIOps)
        return resources
    }
}

extension String {
    /// `/proc/1/ns/ipc` → `/proc/1/root/dev/shm`
    fileprivate func replacingLastComponents(with text: String) -> String {
        split(separator: "/").dropLast(2).reduce(into: "") { $0 += "/" + $1 } + "/" + text
    }
}
