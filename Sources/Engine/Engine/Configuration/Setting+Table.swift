// SPDX-License-Identifier: Apache-2.0
// The table of the daemon's settings, and the names that dockerd has and apus does not build yet.
import DockerAPI
import JSON
import Networking
import Primitives
import Tasks

extension Setting {
    static let all: [Setting] = general + networking + containers + registries

    private static let general: [Setting] = [
        Setting("config-file", key: nil, help: "Daemon configuration file") {
            $0.configFile = $1.last ?? ""
            $0.configFileIsExplicit = true
        },
        Setting("host", short: "H", key: "hosts", kind: .list, help: "Daemon socket(s) to connect to") {
            $0.hosts = $1
        },
        Setting("data-root", short: "g", help: "Root directory of persistent state") {
            $0.dataRoot = try path($1, "data-root")
        },
        Setting("exec-root", help: "Root directory for execution state files") {
            $0.execRoot = try path($1, "exec-root")
        },
        Setting("pidfile", short: "p", help: "Path to use for daemon PID file") { $0.pidfile = $1.last ?? "" },
        Setting("group", short: "G", help: "Group for the unix socket") { $0.group = $1.last },
        Setting(
            "log-level", short: "l",
            help: "Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\")"
        ) {
            let level = $1.last ?? ""
            guard ["debug", "info", "warn", "error", "fatal"].contains(level) else {
                throw EngineError.invalidArgument("invalid logging level: \(level)")
            }
            $0.logLevel = level
        },
        Setting("debug", short: "D", kind: .flag, reloads: true, help: "Enable debug mode") {
            $0.debug = try bool($1, "debug")
        },
        Setting("tls", kind: .flag, help: "Use TLS; implied by --tlsverify") { $0.tls = try bool($1, "tls") },
        Setting("tlsverify", kind: .flag, help: "Use TLS and verify the remote") {
            $0.tlsVerify = try bool($1, "tlsverify")
        },
        Setting("tlscacert", help: "Trust certs signed only by this CA") { $0.tlsCACertificate = $1.last },
        Setting("tlscert", help: "Path to TLS certificate file") { $0.tlsCertificate = $1.last },
        Setting("tlskey", help: "Path to TLS key file") { $0.tlsKey = $1.last },
        Setting(
            "allow-root-access-over-plain-tcp", kind: .flag,
            help: "Serve tcp:// without TLS beyond loopback: whoever reaches the port controls this machine as root"
        ) { $0.allowsInsecureTCP = try bool($1, "allow-root-access-over-plain-tcp") },
        Setting("label", key: "labels", kind: .list, reloads: true, help: "Set key=value labels to the daemon") {
            configuration, labels in
            for label in labels where !label.contains("=") {
                throw EngineError.invalidArgument("bad attribute format: \(label)")
            }
            configuration.labels = labels
        },
        Setting("live-restore", kind: .flag, help: "Containers keep running without the daemon (always on)") {
            guard try bool($1, "live-restore") else {
                throw EngineError.notImplemented(
                    "--live-restore=false is not supported: containers always outlive the daemon")
            }
            _ = $0
        },
        Setting("metrics-addr", help: "Set address and port to serve the metrics api on") {
            let address = $1.last ?? ""
            guard let colon = address.lastIndex(of: ":"), UInt16(address[address.index(after: colon)...]) != nil else {
                throw EngineError.invalidArgument(
                    "invalid argument \"\(address)\" for \"--metrics-addr\" flag: must be HOST:PORT")
            }
            $0.metricsAddress = address
        },
        Setting("validate", key: nil, kind: .flag, help: "Validate daemon configuration and exit") {
            $0.validatesOnly = try bool($1, "validate")
        },
        Setting("version", short: "v", key: nil, kind: .flag, help: "Print version information and quit") {
            $0.showsVersion = try bool($1, "version")
        },
        Setting("help", short: "h", key: nil, kind: .flag, help: "Print usage") { $0.showsHelp = try bool($1, "help") },
    ]

    private static let networking: [Setting] = [
        Setting("bridge", short: "b", help: "Attach containers to a network bridge") {
            let name = $1.last ?? ""
            $0.hasBridge = name != "none"
            $0.network.usesExistingBridge = true
            $0.network.bridgeName = name
        },
        Setting("bip", help: "IPv4 address for the default bridge") { $0.network.bridgeAddress = try cidr($1, "bip") },
        Setting("fixed-cidr", help: "IPv4 subnet for the default bridge network") {
            $0.network.fixedCIDR = try cidr($1, "fixed-cidr")
        },
        Setting("default-gateway", help: "Default gateway IPv4 address for the default bridge network") {
            $0.network.defaultGateway = try address($1, "default-gateway")
        },
        Setting(
            "default-address-pool", key: "default-address-pools", kind: .list,
            help: "Default address pools for node specific local networks"
        ) { $0.network.defaultAddressPools = try $1.map(pool) },
        Setting("mtu", help: "Set the MTU for the default \"bridge\" network") {
            $0.network.mtu = try number($1, "mtu")
        },
        Setting("ip", help: "Host IP for port publishing from the default bridge network") {
            $0.network.defaultBindAddress = try address($1, "ip")
        },
        Setting("icc", kind: .flag, help: "Enable inter-container communication for the default bridge network") {
            $0.network.interContainerCommunication = try bool($1, "icc")
        },
        Setting("iptables", kind: .flag, help: "Enable firewall rules of our own (nftables)") {
            $0.network.firewall = try bool($1, "iptables")
        },
        Setting("ip-forward", kind: .flag, help: "Enable IP forwarding in system configuration") {
            $0.network.ipForward = try bool($1, "ip-forward")
        },
        Setting("ip-masq", kind: .flag, help: "Enable IP masquerading for the default bridge network") {
            $0.network.masquerade = try bool($1, "ip-masq")
        },
        Setting("dns", kind: .list, help: "DNS server to use") { $0.network.dns = $1 },
        Setting("dns-search", kind: .list, help: "DNS search domains to use") { $0.network.dnsSearch = $1 },
        Setting("dns-opt", key: "dns-opts", kind: .list, help: "DNS options to use") { $0.network.dnsOptions = $1 },
        Setting(
            "host-gateway-ip",
            help: "IP address that the special 'host-gateway' string in --add-host resolves to"
        ) {
            $0.network.hostGatewayAddress = try address($1, "host-gateway-ip")
        },
    ]

    private static let containers: [Setting] = [
        Setting("log-driver", help: "Default driver for container logs") {
            guard ["json-file", "local", "none"].contains($1.last) else {
                throw EngineError.notImplemented("--log-driver=\($1.last ?? "") is not supported yet")
            }
            $0.logDriver = $1.last ?? "json-file"
        },
        Setting("log-opt", key: "log-opts", kind: .map, help: "Default log driver options for containers") {
            $0.logOptions = try pairs($1, "log-opt")
        },
        Setting("default-ulimit", key: "default-ulimits", kind: .map, help: "Default ulimits for containers") {
            $0.defaultUlimits = try $1.map(ulimit)
        },
        Setting("default-shm-size", help: "Default shm size for containers") {
            $0.defaultShmSize = try ByteSize.parse($1.last ?? "")
        },
        Setting("cgroup-parent", help: "Set parent cgroup for all containers") { $0.cgroupParent = $1.last ?? "" },
        Setting("init", kind: .flag, help: "Run an init in the container to forward signals and reap processes") {
            $0.usesInit = try bool($1, "init")
        },
        Setting("no-new-privileges", kind: .flag, help: "Set no-new-privileges by default for new containers") {
            $0.noNewPrivileges = try bool($1, "no-new-privileges")
        },
        Setting("cdi-spec-dir", key: "cdi-spec-dirs", kind: .list, help: "CDI specification directories to use") {
            $0.cdiFolders = try $1.filter { !$0.isEmpty }.map { text throws(EngineError) in
                try path([text], "cdi-spec-dir")
            }
        },
        Setting("userns-remap", help: "User/Group setting for user namespaces") { $0.usernsRemap = $1.last ?? "" },
        Setting("userns-auto-pool", help: "Users to give to containers with --userns=auto, as start:size") {
            $0.usernsAutoPool = $1.last ?? ""
        },
        Setting("default-runtime", help: "Default OCI runtime for containers") {
            $0.defaultRuntime = $1.last ?? "apus"
        },
        Setting(
            "add-runtime", key: "runtimes", kind: .objects, help: "Register an additional OCI compatible runtime"
        ) {
            for text in $1 {
                let (name, runtime) = try runtime(text)
                $0.runtimes[name] = runtime
            }
        },
    ]

    private static let registries: [Setting] = [
        Setting(
            "insecure-registry", key: "insecure-registries", kind: .list,
            help: "Enable insecure registry communication"
        ) {
            $0.insecureRegistries = $1
        },
        Setting(
            "registry-mirror", key: "registry-mirrors", kind: .list,
            help: "Preferred registry mirror"
        ) { $0.registryMirrors = $1 },
    ]

    /// Settings of dockerd that are refused by name; keys of the file where they differ from the flag.
    static let notBuilt: Set<String> = [
        "allow-direct-routing", "authorization-plugin", "authorization-plugins", "bip6",
        "containerd", "containerd-namespace", "containerd-plugins-namespace",
        "cpu-rt-period", "cpu-rt-runtime", "cri-containerd", "default-gateway-v6", "default-cgroupns-mode",
        "default-ipc-mode", "default-network-opt", "default-network-opts", "exec-opt", "exec-opts", "experimental",
        "feature", "features", "fixed-cidr-v6", "http-proxy", "https-proxy", "no-proxy", "proxies", "init-path",
        "ip-forward-no-drop", "ip6tables", "ipv6", "log-format", "max-concurrent-downloads", "max-concurrent-uploads",
        "max-download-attempts", "network-control-plane-mtu",
        "node-generic-resource", "node-generic-resources", "raw-logs", "rootless", "seccomp-profile",
        "selinux-enabled", "shutdown-timeout", "storage-driver", "storage-opt", "storage-opts",
        "swarm-default-advertise-addr", "userland-proxy", "userland-proxy-path", "builder",
    ]

    private static func path(_ texts: [String], _ name: String) throws(EngineError) -> String {
        guard let path = texts.last, path.hasPrefix("/") else {
            throw .invalidArgument(
                "invalid argument \"\(texts.last ?? "")\" for \"--\(name)\" flag: the path must be absolute")
        }
        return MountPlan.clean(path)
    }

    private static func cidr(_ texts: [String], _ name: String) throws(EngineError) -> CIDR {
        guard let value = CIDR(texts.last ?? "") else {
            throw .invalidArgument(
                "invalid argument \"\(texts.last ?? "")\" for \"--\(name)\" flag: invalid CIDR address")
        }
        return value
    }

    private static func address(_ texts: [String], _ name: String) throws(EngineError) -> IPAddress {
        guard let value = IPAddress(texts.last ?? "") else {
            throw .invalidArgument("invalid argument \"\(texts.last ?? "")\" for \"--\(name)\" flag: not an ip address")
        }
        return value
    }

    private static func pairs(_ texts: [String], _ name: String) throws(EngineError) -> [String: String] {
        var result: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "=") else {
                throw .invalidArgument("invalid argument \"\(text)\" for \"--\(name)\" flag: not key=value")
            }
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return result
    }

    /// `name=path`, or `name={"path": …, "runtimeArgs": […]}` out of daemon.json.
    private static func runtime(_ text: String) throws(EngineError) -> (String, OCIRuntime) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw .invalidArgument("invalid runtime value: \(text): must be in the form of name=path")
        }
        let name = parts[0]
        if name == "apus" { throw .invalidArgument("runtime name 'apus' is reserved") }
        guard parts[1].hasPrefix("{") else { return (name, OCIRuntime(path: parts[1])) }
        guard let fields = (try? JSONValue.parse(parts[1]))?.object else {
            throw .invalidArgument("runtime \(name): not a JSON object")
        }
        var runtime = OCIRuntime(path: "")
        for (key, value) in fields.fields {
            switch (key, value) {
            case ("path", .string(let path)): runtime.path = path
            case ("runtimeArgs", .array(let words)): runtime.arguments = words.compactMap(\.string)
            case ("runtimeType", .string("")), ("options", .null): continue
            case ("runtimeType", _), ("options", _):
                throw .notImplemented(
                    "runtime \(name): \(key) is not supported: runtimes are programs with runc's command line, given by path"
                )
            default: throw .invalidArgument("runtime \(name): invalid \(key)")
            }
        }
        guard !runtime.path.isEmpty else {
            throw .invalidArgument("runtime \(name): either a runtimeType or a path must be configured")
        }
        return (name, runtime)
    }

    /// `base=10.0.0.0/8,size=24`
    private static func pool(_ text: String) throws(EngineError) -> Networking.AddressPool {
        var base: CIDR?
        var size: Int?
        for part in text.split(separator: ",") {
            if part.hasPrefix("base=") { base = CIDR(String(part.dropFirst(5))) }
            if part.hasPrefix("size=") { size = Int(part.dropFirst(5)) }
        }
        guard let base, let size else { throw .invalidArgument("invalid default address pool: \(text)") }
        return Networking.AddressPool(base: base, size: size)
    }

    /// `nofile=1024:2048`
    private static func ulimit(_ text: String) throws(EngineError) -> Ulimit {
        let parts = text.split(separator: "=", maxSplits: 1)
        let values = parts.count == 2 ? parts[1].split(separator: ":").map { Int64($0) } : []
        guard let soft = values.first ?? nil, let hard = values.last ?? nil, values.count <= 2 else {
            throw .invalidArgument("invalid ulimit argument: \(text)")
        }
        var limit = Ulimit()
        limit.name = String(parts[0])
        limit.soft = soft
        limit.hard = hard
        return limit
    }
}
