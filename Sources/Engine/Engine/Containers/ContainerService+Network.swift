// SPDX-License-Identifier: Apache-2.0
// The network side of a start: namespace, endpoints, published ports, and the three files in /etc.
import DockerAPI
import Glibc
import Linux
import Logging
import Networking
import Primitives
import Tasks

/// What a container got from the network stack.
struct JoinedNetworks: Sendable {
    /// Nil in host mode, and when another container's namespace is joined by path.
    var sandbox: Sandbox?
    /// `/proc/PID/ns/net` of the container whose namespace is shared.
    var sharedPath: String?
    var isHost = false
    var endpoints: [String: EndpointSettings] = [:]
    var addresses: [IPAddress] = []
    var ports: [String: [DockerAPI.PortBinding]?] = [:]
    var sandboxID = ""
}

/// The paths of the files bound into a container.
struct NetworkFilePaths: Sendable {
    var hosts: String
    var hostname: String
    var resolvConf: String
}

extension ContainerService {
    func joinNetworks(
        _ record: ContainerRecord, _ users: ContainerUsers?, _ rollback: Rollback
    ) async throws -> JoinedNetworks {
        var joined = JoinedNetworks()
        let mode = record.hostConfig.networkMode
        if mode.hasPrefix("container:") {
            let target = try registry.find(String(mode.dropFirst("container:".count))).record
            guard let run = target.state.run else {
                throw EngineError.conflict("cannot join network of a non running container: \(target.id)")
            }
            joined.sharedPath = "/proc/\(run.pid)/ns/net"
            joined.sandboxID = target.sandboxID
            return joined
        }
        joined.isHost = mode == "host"
        joined.sandboxID = Identifier.random()
        if !joined.isHost {
            joined.sandbox = try await drivers.networks.createSandbox(
                owner: users.map {
                    SandboxOwner(uidMap: UserMapping.map($0.mapping.users), gidMap: UserMapping.map($0.mapping.groups))
                })
        }
        let names = [mode] + record.networking.keys.filter { $0 != mode }.sorted()
        let id = record.id
        rollback.onFailure { [drivers] in
            try? await drivers.networks.disconnectAll(containerID: id)  // The start's own error is the one to tell.
        }
        for (position, name) in names.enumerated() {
            let wanted = record.networking[name]
            var request = EndpointRequest(containerID: id, containerName: record.name, network: name)
            request.ipv4Address = (wanted?.ipamConfig?.ipv4Address).flatMap { IPAddress($0) }
            request.macAddress = (wanted?.macAddress).flatMap { $0.isEmpty ? nil : MACAddress($0) }
            request.aliases = wanted?.aliases ?? []
            request.providesDefaultRoute = position == 0
            if position == 0, !joined.isHost, mode != "none" { request.ports = try Self.portMappings(record) }
            let endpoint = try await drivers.networks.connect(request, sandbox: joined.sandbox)
            joined.endpoints[name] = Self.settings(endpoint, wanted: wanted)
            if let address = endpoint.address { joined.addresses.append(address.address) }
            if position == 0, !joined.isHost { joined.ports = Self.ports(endpoint, record) }
            events.publish(
                "network", "connect", id: endpoint.networkID,
                attributes: [
                    "container": id, "name": endpoint.networkName,
                    "type": mode == "host" ? "host" : name == "none" ? "null" : "bridge",
                ])
        }
        return joined
    }

    /// Writes /etc/hosts, /etc/hostname and /etc/resolv.conf of a container into its folder.
    func writeNetworkFiles(_ record: ContainerRecord, _ joined: JoinedNetworks) async throws -> NetworkFilePaths {
        let mode = record.hostConfig.networkMode
        if mode.hasPrefix("container:") {
            let folder = directory(String(mode.dropFirst("container:".count)))
            return NetworkFilePaths(
                hosts: folder + "/hosts", hostname: folder + "/hostname", resolvConf: folder + "/resolv.conf")
        }
        var request = NetworkFilesRequest()
        request.hostname = record.config.hostname
        request.domainName = record.config.domainname
        request.addresses = joined.addresses
        request.extraHosts = record.hostConfig.extraHosts ?? []
        request.dns = record.hostConfig.dns ?? []
        request.dnsSearch = record.hostConfig.dnsSearch ?? []
        request.dnsOptions = record.hostConfig.dnsOptions ?? []
        request.usesHostNetwork = joined.isHost
        let files = try await drivers.networks.files(for: request)
        let folder = directory(record.id)
        let paths = NetworkFilePaths(
            hosts: folder + "/hosts", hostname: folder + "/hostname", resolvConf: folder + "/resolv.conf")
        try await Files.write([
            (paths.hosts, files.hosts), (paths.hostname, files.hostname), (paths.resolvConf, files.resolvConf),
        ])
        return paths
    }

    private static func portMappings(_ record: ContainerRecord) throws -> [PortMapping] {
        var mappings: [PortMapping] = []
        for (text, bindings) in (record.hostConfig.portBindings ?? [:]).sorted(by: { $0.key < $1.key }) {
            let key = try PortKey(text)
            for binding in bindings ?? [] {
                let range = try PortKey.range(binding.hostPort)
                mappings.append(
                    PortMapping(
                        key.transport, hostAddress: binding.hostIp.isEmpty ? nil : IPAddress(binding.hostIp),
                        hostPort: range.first, hostPortEnd: range.last, containerPort: key.port))
            }
        }
        if record.hostConfig.publishAllPorts {
            for text in (record.config.exposedPorts ?? [:]).keys.sorted() {
                let key = try PortKey(text)
                guard !mappings.contains(where: { $0.containerPort == key.port && $0.transport == key.transport })
                else {
                    continue
                }
                mappings.append(PortMapping(key.transport, containerPort: key.port))
            }
        }
        return mappings
    }

    private static func ports(_ endpoint: Endpoint, _ record: ContainerRecord) -> [String: [DockerAPI.PortBinding]?] {
        var ports: [String: [DockerAPI.PortBinding]?] = [:]
        for text in (record.config.exposedPorts ?? [:]).keys {
            ports[text.contains("/") ? text : text + "/tcp"] = .some(nil)
        }
        for binding in endpoint.bindings {
            var shown = DockerAPI.PortBinding()
            shown.hostIp = binding.hostAddress.description
            shown.hostPort = String(binding.hostPort)
            let key = PortKey(port: binding.containerPort, transport: binding.transport).text
            ports[key] = ((ports[key] ?? nil) ?? []) + [shown]
        }
        return ports
    }

    private static func settings(_ endpoint: Endpoint, wanted: EndpointSettings?) -> EndpointSettings {
        var settings = EndpointSettings()
        settings.ipamConfig = wanted?.ipamConfig
        settings.aliases = wanted?.aliases
        settings.networkID = endpoint.networkID
        settings.endpointID = endpoint.id
        settings.gateway = endpoint.gateway?.description ?? ""
        settings.ipAddress = endpoint.address?.address.description ?? ""
        settings.ipPrefixLen = endpoint.address.map { Int($0.prefix) } ?? 0
        settings.macAddress = endpoint.mac?.description ?? ""
        return settings
    }

    /// Ends every attachment; a failure is logged, for the container has ended all the same.
    func leaveNetworks(_ record: ContainerRecord) async {
        do {
            try await drivers.networks.disconnectAll(containerID: record.id)
        } catch {
            logger.error("leaving networks failed", metadata: ["container": "\(record.id)", "error": "\(error)"])
        }
        for (name, endpoint) in record.endpoints {
            events.publish(
                "network", "disconnect", id: endpoint.networkID,
                attributes: [
                    "container": record.id, "name": name,
                    "type": name == "host" ? "host" : name == "none" ? "null" : "bridge",
                ])
        }
    }
}
