// SPDX-License-Identifier: Apache-2.0
// From a container's configuration to its OCI runtime specification, with Docker's defaults.
package import OCI
package import Primitives

/// Makes the specification of one container on one machine. `build` looks at device nodes and touches nothing else.
package struct OCISpecBuilder: Sendable {
    package let configuration: TaskConfiguration
    package let host: HostFacts

    package init(configuration: TaskConfiguration, host: HostFacts) {
        self.configuration = configuration
        self.host = host
    }

    package func build() throws -> RuntimeSpec {
        let capabilities = try self.capabilities()
        var spec = RuntimeSpec()
        spec.root = RuntimeSpec.Root(path: configuration.rootPath, readonly: configuration.readonlyRoot)
        if configuration.namespaces.uts == .own {
            spec.hostname = configuration.hostname.isEmpty ? nil : configuration.hostname
            spec.domainname = configuration.domainname.isEmpty ? nil : configuration.domainname
        }
        spec.process = try process(capabilities)
        spec.mounts = try mounts()
        spec.annotations = StringMap(configuration.annotations.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })

        var linux = RuntimeSpec.Linux()
        linux.namespaces = namespaces()
        if let users = configuration.users {
            linux.uidMappings = UserMapping.mappings(users.users)
            linux.gidMappings = UserMapping.mappings(users.groups)
        }
        linux.cgroupsPath = cgroupsPath
        linux.sysctl = StringMap(sysctls().sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        linux.devices = try devices()
        var resources = try Self.resources(configuration.resources, host: host)
        resources.devices = try deviceRules()
        linux.resources = resources
        linux.seccomp = try seccomp(capabilities)
        linux.maskedPaths = maskedPaths
        linux.readonlyPaths = readonlyPaths
        linux.mountLabel = configuration.selinuxLabel
        linux.rootfsPropagation = rootPropagation
        spec.linux = linux
        if !configuration.cdiDevices.isEmpty {
            try CDIRegistry(folders: configuration.cdiFolders).inject(configuration.cdiDevices, into: &spec)
        }
        if host.isRootless { fitRootless(&spec) }
        return spec
    }

    /// What the container's first process may do; an exec with `privileged` asks again.
    package func capabilities() throws(EngineError) -> [String] {
        try Capability.resolve(
            add: configuration.capAdd, drop: configuration.capDrop, privileged: configuration.privileged,
            available: host.capabilities)
    }

    /// `/<parent>/<id>`: the parent is the user's or the daemon's.
    package var cgroupsPath: String {
        let parent = configuration.cgroupParent.isEmpty ? host.defaultCgroupParent : configuration.cgroupParent
        let parts = parent.split(separator: "/").filter { $0 != "." && $0 != ".." } + [configuration.containerID[...]]
        return "/" + parts.joined(separator: "/")
    }

    private func namespaces() -> [RuntimeSpec.Namespace] {
        var out = [RuntimeSpec.Namespace(.mount)]
        if configuration.users != nil {
            out.append(RuntimeSpec.Namespace(.user, path: configuration.userNamespacePath))
        }
        let wanted: [(RuntimeSpec.Namespace.Kind, NamespaceChoice)] = [
            (.network, configuration.namespaces.network), (.uts, configuration.namespaces.uts),
            (.pid, configuration.namespaces.pid), (.ipc, configuration.namespaces.ipc),
            (.cgroup, configuration.namespaces.cgroup),
        ]
        for (kind, choice) in wanted {
            switch choice {
            case .own: out.append(RuntimeSpec.Namespace(kind))
            case .host: break
            case .path(let path): out.append(RuntimeSpec.Namespace(kind, path: path))
            }
        }
        return out
    }

    /// Docker's two additions for a network of the container's own: low ports and ping without privilege.
    private func sysctls() -> [String: String] {
        var out = configuration.sysctls
        if configuration.namespaces.network == .own {
            for (key, value) in host.networkSysctls where out[key] == nil { out[key] = value }
            if configuration.sysctls[Self.pingGroups] == nil, out[Self.pingGroups] != nil,
                let users = configuration.users
            {
                // The kernel takes only groups that exist in the namespace.
                out[Self.pingGroups] = "0 \((users.groups.map { $0.container + ($0.size - 1) }.max() ?? 0))"
            }
        }
        return out
    }

    private static let pingGroups = "net.ipv4.ping_group_range"

    private func seccomp(_ capabilities: [String]) throws -> RuntimeSpec.Seccomp? {
        switch configuration.seccomp {
        case .unconfined: nil
        case .standard:
            configuration.privileged ? nil : SeccompProfile.standard.fitted(capabilities: capabilities, host: host)
        case .profile(let text):
            try SeccompProfile(parsing: text).fitted(capabilities: capabilities, host: host)
        }
    }

    private var maskedPaths: [String] {
        if configuration.privileged { return [] }
        return configuration.maskedPaths ?? Self.maskedPaths + host.thermalThrottlePaths
    }

    private var readonlyPaths: [String] {
        if configuration.privileged { return [] }
        return configuration.readonlyPaths ?? Self.readonlyPaths
    }

    /// A mount that shares with the host needs a root that does.
    private var rootPropagation: String? {
        if let chosen = configuration.rootPropagation, !chosen.isEmpty { return chosen }
        let modes = configuration.mounts.map(\.propagation)
        if modes.contains("shared") || modes.contains("rshared") { return "shared" }
        if modes.contains("slave") || modes.contains("rslave") { return "rslave" }
        return nil
    }

    package static let maskedPaths = [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ]

    package static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}
