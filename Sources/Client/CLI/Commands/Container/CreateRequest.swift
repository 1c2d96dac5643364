// SPDX-License-Identifier: Apache-2.0
// The flags of `run` and `create` as the JSON body of POST /containers/create, field by field as the stock client sends it.
import DockerClient
import JSON

/// Builds Config, HostConfig and NetworkingConfig.
struct CreateRequest {
    let flags: FlagValues
    let image: String
    let command: [String]
    let environment: [String: String]
    private(set) var config = JSONObject()
    private(set) var host = JSONObject()
    private(set) var endpoints = JSONObject()

    var body: JSONValue {
        var all = config
        all["HostConfig"] = .object(host)
        all["NetworkingConfig"] = ["EndpointsConfig": .object(endpoints)]
        return .object(all)
    }

    /// `proxies`: variables that the container gets unless `-e` names them.
    init(
        flags: FlagValues, operands: [String], environment: [String: String],
        proxies: [(name: String, value: String)] = [], detached: Bool
    ) throws {
        self.flags = flags
        self.environment = environment
        image = operands[0]
        command = Array(operands.dropFirst())
        try refuseUnsupported()
        try makeConfig(proxies, detached: detached)
        try makeHost()
        endpoints = try NetworkFlagsReader(flags: flags).endpoints(&host)
    }

    /// Flags without a field in the API.
    private func refuseUnsupported() throws {
        let foreign = ["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"].filter { flags.isSet($0) }
        if !foreign.isEmpty {
            let lines = foreign.map {
                "\"--\($0)\" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux"
            }
            throw ExitError(1, lines.joined(separator: "\n"))
        }
        if flags.bool("use-api-socket") { throw CommandError("the --use-api-socket flag is not supported yet") }
        if flags.isSet("kernel-memory") {
            throw CommandError("the --kernel-memory flag is not supported: the kernel removed it")
        }
        if flags.isSet("disable-content-trust"), !flags.bool("disable-content-trust") {
            throw CommandError("the --disable-content-trust=false flag is not supported yet: content trust")
        }
    }

    private mutating func makeConfig(_ proxies: [(name: String, value: String)], detached: Bool) throws {
        let interactive = flags.bool("interactive")
        var streams = Set(flags.list("attach").map { $0.lowercased() })
        if detached {
            if !streams.isEmpty { throw ExitError(1, "conflicting options: cannot specify both --attach and --detach") }
        } else if streams.isEmpty {
            streams = interactive ? ["stdin", "stdout", "stderr"] : ["stdout", "stderr"]
        }
        config["Hostname"] = .string(flags.string("hostname"))
        config["Domainname"] = .string(flags.string("domainname"))
        config["User"] = .string(flags.string("user"))
        config["AttachStdin"] = .bool(streams.contains("stdin"))
        config["AttachStdout"] = .bool(streams.contains("stdout"))
        config["AttachStderr"] = .bool(streams.contains("stderr"))
        var ports = PortSpecification()
        for text in flags.list("publish") { try ports.publish(text) }
        for text in flags.list("expose") { try ports.expose(text) }
        if !ports.exposed.isEmpty { config["ExposedPorts"] = .object(ports.exposed) }
        host["PortBindings"] = .object(ports.bindings)
        config["Tty"] = .bool(flags.bool("tty"))
        config["OpenStdin"] = .bool(interactive)
        config["StdinOnce"] = .bool(interactive && streams.contains("stdin"))
        let named = Set(flags.list("env").map { text in String(text.prefix { $0 != "=" }) })
        let variables =
            try VariableFile.environment(flags, environment)
            + proxies.filter { !named.contains($0.name) }.map { "\($0.name)=\($0.value)" }
        config["Env"] = variables.isEmpty ? .null : .array(variables.map { .string($0) })
        config["Cmd"] = command.isEmpty ? .null : .array(command.map { .string($0) })
        if let health = try healthcheck() { config["Healthcheck"] = health }
        config["Image"] = .string(image)
        config["WorkingDir"] = .string(flags.string("workdir"))
        config["Entrypoint"] = flags.isSet("entrypoint") ? [.string(flags.string("entrypoint"))] : .null
        config["OnBuild"] = .null
        config["Labels"] = .object(try VariableFile.labels(flags))
        if flags.isSet("stop-signal") { config["StopSignal"] = .string(flags.string("stop-signal")) }
        if flags.isSet("stop-timeout") { config["StopTimeout"] = .int(flags.int("stop-timeout")) }
    }

    private func healthcheck() throws -> JSONValue? {
        let durations = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
        let has =
            !flags.string("health-cmd").isEmpty || flags.int("health-retries") != 0
            || durations.contains { flags.duration($0) != 0 }
        if flags.bool("no-healthcheck") {
            if has { throw CommandError("--no-healthcheck conflicts with --health-* options") }
            return ["Test": ["NONE"]]
        }
        guard has else { return nil }
        for name in durations where flags.duration(name) < 0 { throw CommandError("--\(name) cannot be negative") }
        if flags.int("health-retries") < 0 { throw CommandError("--health-retries cannot be negative") }
        var health = JSONObject()
        if !flags.string("health-cmd").isEmpty { health["Test"] = ["CMD-SHELL", .string(flags.string("health-cmd"))] }
        for (name, key) in [
            ("health-interval", "Interval"), ("health-timeout", "Timeout"), ("health-start-period", "StartPeriod"),
            ("health-start-interval", "StartInterval"),
        ] where flags.duration(name) != 0 { health[key] = .int(flags.duration(name)) }
        if flags.int("health-retries") != 0 { health["Retries"] = .int(flags.int("health-retries")) }
        return .object(health)
    }

    private mutating func makeHost() throws {
        func strings(_ name: String) -> JSONValue { .array(flags.list(name).map { .string($0) }) }
        func orNull(_ name: String) -> JSONValue { flags.isSet(name) ? strings(name) : .null }
        var binds: [JSONValue] = []
        var volumes = JSONObject()
        for text in flags.list("volume") {
            switch try MountSpecification.volume(text) {
            case .bind(let bind): binds.append(.string(bind))
            case .anonymous(let path): volumes[path] = [:]
            }
        }
        config["Volumes"] = .object(volumes)
        host["Binds"] = binds.isEmpty ? .null : .array(binds)
        host["ContainerIDFile"] = .string(flags.string("cidfile"))
        host["LogConfig"] = ["Type": .string(flags.string("log-driver")), "Config": .object(try logOptions())]
        host["RestartPolicy"] = try RestartText.policy(flags.string("restart"))
        host["AutoRemove"] = .bool(flags.bool("rm"))
        host["VolumeDriver"] = .string(flags.string("volume-driver"))
        host["VolumesFrom"] = orNull("volumes-from")
        host["ConsoleSize"] = [0, 0]
        if flags.isSet("annotation") { host["Annotations"] = .object(map("annotation")) }
        (host["CapAdd"], host["CapDrop"]) = CapabilityNames.effective(flags.list("cap-add"), flags.list("cap-drop"))
        host["CgroupnsMode"] = .string(try mode("cgroupns", ["private", "host"], "--cgroupns: invalid CGROUP mode"))
        host["Dns"] = strings("dns")
        host["DnsOptions"] = strings("dns-option")
        host["DnsSearch"] = strings("dns-search")
        host["ExtraHosts"] =
            flags.isSet("add-host")
            ? .array(flags.list("add-host").map { .string(CreateRequest.extraHost($0)) }) : .null
        host["GroupAdd"] = orNull("group-add")
        host["IpcMode"] = .string(flags.string("ipc"))
        host["Cgroup"] = ""
        host["Links"] = flags.isSet("link") ? strings("link") : .null
        host["OomScoreAdj"] = .int(flags.int("oom-score-adj"))
        host["PidMode"] = .string(try mode("pid", ["host"], "--pid: invalid PID mode", containers: true))
        host["Privileged"] = .bool(flags.bool("privileged"))
        host["PublishAllPorts"] = .bool(flags.bool("publish-all"))
        host["ReadonlyRootfs"] = .bool(flags.bool("read-only"))
        try securityOptions()
        if flags.isSet("storage-opt") {
            host["StorageOpt"] = .object(try keyValues("storage-opt", "invalid storage option"))
        }
        if flags.isSet("tmpfs") {
            host["Tmpfs"] = .object(
                JSONObject(
                    flags.list("tmpfs").map { text in
                        let (path, options) = Text.cut(text, ":") ?? (text, "")
                        return (path, .string(options))
                    }))
        }
        host["UTSMode"] = .string(try mode("uts", ["host"], "--uts: invalid UTS mode"))
        let users = flags.string("userns")
        // Beyond Docker: a range of users for this container alone.
        let hasRange = users == "auto" || users.hasPrefix("auto:")
        host["UsernsMode"] = .string(
            hasRange ? users : try mode("userns", ["host"], "--userns: invalid USER mode"))
        host["ShmSize"] = .int(flags.bytes("shm-size"))
        if flags.isSet("sysctl") { host["Sysctls"] = .object(map("sysctl")) }
        if flags.isSet("runtime") { host["Runtime"] = .string(flags.string("runtime")) }
        host["Isolation"] = .string(flags.string("isolation"))
        try RunResources.fields(flags, into: &host)
        try DeviceFlags.fields(flags, into: &host)
        if flags.isSet("mount") {
            host["Mounts"] = .array(flags.list("mount").compactMap { MountSpecification.mount($0).value })
        }
        if flags.isSet("init") { host["Init"] = .bool(flags.bool("init")) }
        if flags.bool("rm"), !["", "no"].contains(host["RestartPolicy"]?["Name"]?.string ?? "") {
            throw CommandError("conflicting options: cannot specify both --restart and --rm")
        }
    }

    /// `host=ip` is written `host:ip` on the wire.
    static func extraHost(_ text: String) -> String {
        guard let (name, address) = Text.cut(text, "="), !name.contains(":") else { return text }
        let bare = address.hasPrefix("[") && address.hasSuffix("]") ? String(address.dropFirst().dropLast()) : address
        return "\(name):\(bare)"
    }

    private func map(_ name: String) -> JSONObject {
        JSONObject(
            flags.list(name).map { text in
                let (key, value) = Text.cut(text, "=") ?? (text, "")
                return (key, .string(value))
            })
    }

    private func keyValues(_ name: String, _ message: String) throws -> JSONObject {
        for text in flags.list(name) where !text.contains("=") { throw CommandError(message) }
        return map(name)
    }

    private func logOptions() throws -> JSONObject {
        let options = JSONObject(
            flags.list("log-opt").map { text in
                let (key, value) = Text.cut(text, "=") ?? (text, "")
                return (key, .string(value))
            })
        if flags.string("log-driver") == "none", !options.isEmpty {
            throw CommandError("invalid logging opts for driver none")
        }
        return options
    }

    private func mode(_ name: String, _ allowed: [String], _ message: String, containers: Bool = false) throws -> String
    {
        let value = flags.string(name)
        if value.isEmpty || allowed.contains(value) { return value }
        if containers, value.hasPrefix("container:"), value.count > 10 { return value }
        throw CommandError(message)
    }

    private mutating func securityOptions() throws {
        var options: [JSONValue] = []
        for text in flags.list("security-opt") {
            guard let (key, value) = Text.cut(text, "=") ?? Text.cut(text, ":") else {
                if text != "no-new-privileges" { throw CommandError("Invalid --security-opt: \(Quoted.go(text))") }
                options.append(.string(text))
                continue
            }
            if key == "systempaths", value == "unconfined" {
                host["MaskedPaths"] = []
                host["ReadonlyPaths"] = []
                continue
            }
            guard key == "seccomp", value != "unconfined", value != "builtin" else {
                options.append(.string(text))
                continue
            }
            guard let bytes = FileText.bytes(value) else {
                throw CommandError("opening seccomp profile (\(value)) failed: open \(value): \(ErrnoText.current)")
            }
            guard let profile = try? JSONValue.parse(bytes) else {
                throw CommandError("compacting json for seccomp profile (\(value)) failed: invalid JSON")
            }
            options.append(.string("seccomp=" + profile.text()))
        }
        host["SecurityOpt"] = flags.isSet("security-opt") ? .array(options) : .null
        if host["MaskedPaths"] == nil {
            host["MaskedPaths"] = .null
            host["ReadonlyPaths"] = .null
        }
    }
}
