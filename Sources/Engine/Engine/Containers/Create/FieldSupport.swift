// SPDX-License-Identifier: Apache-2.0
// Nothing is silently ignored: what a create request sets must be something the engine honours.
import JSON
import Primitives

/// Walks the raw body of a create request. A key that Docker knows and apus does not build yet is refused by name unless
/// it carries its default; so is a key nobody knows.
enum FieldSupport {
    /// What may stand behind a key.
    private enum Rule {
        case honoured
        /// Not built: only the default (empty, zero, false, null) or one of these strings may be given.
        case onlyDefault([String] = [])
        case object([String: Rule])
        case list([String: Rule])
        case map([String: Rule])
    }

    static func check(_ body: JSONValue) throws(EngineError) {
        guard case .object = body else { throw .invalidArgument("the request body is not a JSON object") }
        try check(body, create, path: "")
    }

    /// The same for a body of `POST /containers/{id}/update`.
    static func checkUpdate(_ body: JSONValue) throws(EngineError) {
        guard case .object = body else { throw .invalidArgument("the request body is not a JSON object") }
        try check(body, update, path: "")
    }

    private static func check(_ value: JSONValue, _ rules: [String: Rule], path: String) throws(EngineError) {
        guard case .object(let object) = value else { return }
        for (key, value) in object.fields {
            let name = path.isEmpty ? key : "\(path).\(key)"
            guard let rule = rules[key] ?? anyCase(key, rules) else {
                if isDefault(value) { continue }
                throw .notImplemented("\(name) is not supported")
            }
            switch rule {
            case .honoured: continue
            case .onlyDefault(let accepted):
                if isDefault(value) { continue }
                if let text = value.string, accepted.contains(text) { continue }
                throw .notImplemented("\(name) is not supported yet")
            case .object(let inner): try check(value, inner, path: name)
            case .list(let inner):
                for item in value.array ?? [] { try check(item, inner, path: name) }
            case .map(let inner):
                for (_, item) in value.object?.fields ?? [] { try check(item, inner, path: name) }
            }
        }
    }

    /// Keys are found whatever their case, as the decoder finds them.
    private static func anyCase(_ key: String, _ rules: [String: Rule]) -> Rule? {
        let folded = key.lowercased()
        return rules.first { $0.key.lowercased() == folded }?.value
    }

    private static func isDefault(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .bool(let flag): !flag
        case .int(let number): number == 0 || number == -1
        case .double(let number): number == 0 || number == -1
        case .string(let text): text.isEmpty
        case .array(let items): items.allSatisfy(isDefault)
        case .object(let object): object.fields.allSatisfy { isDefault($0.value) }
        }
    }

    private static let create: [String: Rule] = rules(
        honoured: """
            Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd
            Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels StopSignal StopTimeout Shell
            Healthcheck Runtime
            """,
        [
            "ArgsEscaped": .onlyDefault(), "HostConfig": .object(hostConfig),
            "NetworkingConfig": .object(["EndpointsConfig": .map(endpoint)]), "Name": .onlyDefault(),
        ])

    private static let hostConfig: [String: Rule] = rules(
        honoured: """
            Binds ContainerIDFile NetworkMode PortBindings RestartPolicy AutoRemove ConsoleSize CapAdd CapDrop
            CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode OomScoreAdj PidMode Privileged
            PublishAllPorts ReadonlyRootfs SecurityOpt Tmpfs UTSMode ShmSize Sysctls Runtime CpuShares Memory NanoCpus
            CgroupParent CpuPeriod CpuQuota CpusetCpus CpusetMems Devices DeviceCgroupRules MemoryReservation
            MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits MaskedPaths ReadonlyPaths Init LogConfig
            BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps
            BlkioDeviceWriteIOps Annotations CpuRealtimePeriod CpuRealtimeRuntime KernelMemory KernelMemoryTCP
            """,
        [
            "VolumeDriver": .onlyDefault(["local"]), "VolumesFrom": .onlyDefault(), "Cgroup": .onlyDefault(),
            "Links": .onlyDefault(), "StorageOpt": .onlyDefault(), "UsernsMode": .honoured,
            "Isolation": .onlyDefault(["default"]),
            "DeviceRequests": .list(rules(honoured: "Driver Count DeviceIDs Capabilities Options")),
            "CpuCount": .onlyDefault(), "CpuPercent": .onlyDefault(), "IOMaximumIOps": .onlyDefault(),
            "IOMaximumBandwidth": .onlyDefault(), "DiskQuota": .onlyDefault(), "LxcConf": .onlyDefault(),
            "Mounts": .list(mount),
        ])

    private static let update: [String: Rule] = rules(
        honoured: """
            RestartPolicy CpuShares Memory NanoCpus BlkioWeight BlkioWeightDevice BlkioDeviceReadBps
            BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod
            CpuRealtimeRuntime CpusetCpus CpusetMems KernelMemory KernelMemoryTCP MemoryReservation MemorySwap PidsLimit
            """,
        [
            "CgroupParent": .onlyDefault(), "Devices": .onlyDefault(), "DeviceCgroupRules": .onlyDefault(),
            "DeviceRequests": .onlyDefault(), "MemorySwappiness": .onlyDefault(), "OomKillDisable": .onlyDefault(),
            "Ulimits": .onlyDefault(), "CpuCount": .onlyDefault(), "CpuPercent": .onlyDefault(),
            "IOMaximumIOps": .onlyDefault(), "IOMaximumBandwidth": .onlyDefault(), "DiskQuota": .onlyDefault(),
        ])

    private static let endpoint: [String: Rule] = rules(
        honoured: "IPAMConfig MacAddress NetworkID EndpointID",
        [
            "Links": .onlyDefault(), "Aliases": .honoured, "DriverOpts": .onlyDefault(), "GwPriority": .onlyDefault(),
            "Gateway": .onlyDefault(), "IPAddress": .onlyDefault(), "IPPrefixLen": .onlyDefault(),
            "IPv6Gateway": .onlyDefault(), "GlobalIPv6Address": .onlyDefault(),
            "GlobalIPv6PrefixLen": .onlyDefault(), "DNSNames": .onlyDefault(),
        ])

    private static let mount: [String: Rule] = rules(
        honoured: "Type Source Target ReadOnly TmpfsOptions Consistency",
        [
            "BindOptions": .object(
                rules(
                    honoured: """
                        Propagation NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive IDMap
                        """)),
            "VolumeOptions": .object([
                "NoCopy": .honoured, "Labels": .honoured, "Subpath": .onlyDefault(),
                "DriverConfig": .object(["Name": .onlyDefault(["local"]), "Options": .honoured]),
            ]),
            "ImageOptions": .onlyDefault(), "ClusterOptions": .onlyDefault(),
        ])

    private static func rules(honoured: String, _ others: [String: Rule] = [:]) -> [String: Rule] {
        var result = others
        for key in honoured.split(whereSeparator: { $0 == " " || $0 == "\n" }) { result[String(key)] = .honoured }
        return result
    }
}
