// SPDX-License-Identifier: Apache-2.0
// `POST /containers/create`: from a request to a saved container.
package import DockerAPI
import JSON
import Networking
import Primitives

extension ContainerService {
    /// Creates a container from the raw request body; a key the engine does not know or cannot honour is refused by name.
    package func create(name: String?, platform: String?, body: [UInt8]) async throws -> ContainerCreateResponse {
        let json = try WireJSON.parse(body)
        guard let object = json.object, !object.isEmpty else {
            throw EngineError.invalidArgument("Config cannot be empty in order to create a container")
        }
        var request = try WireJSON.decode(ContainerCreateRequest.self, from: json)
        try FieldSupport.check(json)
        try Self.moveRuntime(of: json, into: &request)
        return try await create(name: name, platform: platform, request)
    }

    /// Older clients name the runtime beside the image, where Docker took host settings from as long as there was no HostConfig.
    private static func moveRuntime(of json: JSONValue, into request: inout ContainerCreateRequest) throws(EngineError)
    {
        guard let value = json["Runtime"], !value.isNull else { return }
        guard let runtime = value.string else { throw .invalidArgument("Runtime must be a string") }
        var host = request.hostConfig ?? HostConfig()
        if runtime.isEmpty || host.runtime == runtime { return }
        guard host.runtime.isEmpty else {
            throw .invalidArgument("conflicting options: Runtime \(runtime) and HostConfig.Runtime \(host.runtime)")
        }
        host.runtime = runtime
        request.hostConfig = host
    }

    private func create(
        name: String?, platform: String?, _ request: ContainerCreateRequest
    ) async throws -> ContainerCreateResponse {
        guard !request.config.image.isEmpty else {
            throw EngineError.invalidArgument("Config cannot be empty in order to create a container")
        }
        try checkPlatform(platform)
        let image = try await drivers.storage.image(request.config.image)
        let id = Identifier.random()
        let config = try ConfigurationMerge.merge(request.config, image: image.config)
        var host = completed(request.hostConfig ?? HostConfig(), for: config)
        let command = (config.entrypoint ?? []) + (config.cmd ?? [])
        guard let path = command.first, !path.isEmpty else { throw EngineError.invalidArgument("No command specified") }
        try ConfigurationCheck.check(config, host, limits: settings.limits)
        try checkUsers(host)
        let cut = try ResourceFit.fit(&host, to: settings.limits.support)
        let networking = try checkNetworks(&host, request)
        let plan = try MountPlan.make(host, declaredVolumes: Array((config.volumes ?? [:]).keys))
        try await checkBindSources(plan.mounts)

        let chosen = try reserveName(name, for: id)
        do {
            var wanted = ContainerRecord(
                id: id, name: chosen, created: .now(), config: Self.named(config, id: id, host: host),
                hostConfig: host,
                networking: networking, imageID: image.id, path: path, args: Array(command.dropFirst()),
                mounts: plan.mounts, state: .created(nil))
            if let size = try UserRangePool.size(ofMode: host.usernsMode) {
                wanted.userMapping = try settings.userRanges.allocate(for: id, size: size)
            }
            let record = try await make(wanted, volumes: plan.volumes)
            announce(record, "create")
            var answer = ContainerCreateResponse()
            answer.id = id
            answer.warnings = cut + warnings(host)
            return answer
        } catch {
            registry.release(chosen, of: id)
            settings.userRanges.release(id)
            throw error
        }
    }

    private func make(
        _ record: ContainerRecord, volumes: [String: MountVolumeOptions]
    ) async throws -> ContainerRecord {
        try await withRollback { rollback in
            var record = record
            try await drivers.storage.prepareSnapshot(record.id, imageID: record.imageID)
            rollback.onFailure { [drivers] in await drivers.storage.removeSnapshot(record.id) }
            var mounts = record.mounts
            for index in mounts.indices where mounts[index].point.type == "volume" {
                guard let name = mounts[index].point.name else { continue }
                let made = try await drivers.storage.ensureVolume(
                    name, isAnonymous: mounts[index].isAnonymous, options: volumes[name])
                if made.isNew {
                    rollback.onFailure { [drivers] in await drivers.storage.removeVolumeQuietly(name) }
                    events.publish("volume", "create", id: name, attributes: ["driver": "local"])
                }
                mounts[index].point.source = made.mountpoint
            }
            record = record.with(mounts: mounts)
            try await Files.makeFolder(directory(record.id))
            rollback.onFailure { [directory = directory(record.id)] in await Files.removeTree(directory) }
            try await table.save(record)
            registry.insert(Container(record))
            return record
        }
    }

    private func checkPlatform(_ platform: String?) throws {
        guard let platform, !platform.isEmpty else { return }
        let parts = platform.split(separator: "/").map(String.init)
        guard parts.first == "linux", parts.count < 2 || parts[1] == settings.architecture else {
            throw EngineError.notFound(
                "image with reference was found but does not match the specified platform: wanted \(platform), "
                    + "actual: linux/\(settings.architecture)")
        }
    }

    private func reserveName(_ name: String?, for id: String) throws -> String {
        if let name, !name.isEmpty {
            let bare = name.hasPrefix("/") ? String(name.dropFirst()) : name
            guard Identifier.isValidName(bare) else { throw ContainerErrors.invalidName(name) }
            if let holder = registry.reserve(bare, for: id) { throw ContainerErrors.nameTaken(bare, by: holder) }
            return bare
        }
        for attempt in 0..<16 {
            let name = NameGenerator.random(attempt: attempt)
            if registry.reserve(name, for: id) == nil { return name }
        }
        let name = Identifier.short(id)
        if let holder = registry.reserve(name, for: id) { throw ContainerErrors.nameTaken(name, by: holder) }
        return name
    }

    /// Fills in what the request left to the daemon, so that inspect shows what will be done.
    private func completed(_ given: HostConfig, for config: ContainerConfig) -> HostConfig {
        var host = given
        if ["", "default"].contains(host.networkMode) {
            host.networkMode = settings.hasDefaultBridge ? "bridge" : "none"
        }
        if config.networkDisabled == true { host.networkMode = "none" }
        if host.logConfig.type.isEmpty {
            host.logConfig.type = settings.logDriver
            if host.logConfig.config == nil || host.logConfig.config == [:] {
                host.logConfig.config = settings.logOptions
            }
        }
        if host.logConfig.config == nil { host.logConfig.config = [:] }
        if host.shmSize == 0 { host.shmSize = settings.defaultShmSize }
        if host.ipcMode.isEmpty { host.ipcMode = "private" }
        if host.cgroupnsMode.isEmpty {
            host.cgroupnsMode = settings.limits.cgroupVersion == 2 ? "private" : "host"
        }
        if host.runtime.isEmpty { host.runtime = settings.limits.defaultRuntime }
        if host.restartPolicy.name.isEmpty { host.restartPolicy.name = "no" }
        if host.memory > 0, host.memorySwap == 0 { host.memorySwap = host.memory * 2 }
        if let pids = host.pidsLimit, pids <= 0 { host.pidsLimit = nil }
        if host.memorySwappiness == -1 { host.memorySwappiness = nil }
        if host.consoleSize == nil { host.consoleSize = [0, 0] }
        var limits = host.ulimits ?? []
        for limit in settings.defaultUlimits where !limits.contains(where: { $0.name == limit.name }) {
            limits.append(limit)
        }
        host.ulimits = limits
        if host.privileged {
            host.maskedPaths = host.maskedPaths ?? []
            host.readonlyPaths = host.readonlyPaths ?? []
        }
        if host.maskedPaths == nil { host.maskedPaths = settings.defaultMaskedPaths }
        if host.readonlyPaths == nil { host.readonlyPaths = settings.defaultReadonlyPaths }
        if host.usesInit == nil, settings.usesInitByDefault { host.usesInit = true }
        return host
    }

    /// Endpoint settings that name the network mode's alias are put under its real name. Whether networks and the container
    /// that lends its own exist is asked at the start, as Docker does: answered here, "not found" sends clients after the image.
    private func checkNetworks(
        _ host: inout HostConfig, _ request: ContainerCreateRequest
    ) throws -> [String: EndpointSettings] {
        var wanted: [String: EndpointSettings] = [:]
        for (name, endpoint) in request.networkingConfig?.endpointsConfig ?? [:] {
            let key = name == "default" ? "bridge" : name
            wanted[key] = endpoint ?? EndpointSettings()
        }
        let mode = host.networkMode
        if mode.hasPrefix("container:") {
            let other = String(mode.dropFirst("container:".count))
            if let target = try? registry.find(other) { host.networkMode = "container:" + target.id }
            guard wanted.isEmpty else {
                throw EngineError.invalidArgument(
                    "conflicting options: networking configuration and container type network mode")
            }
            if !(request.hostConfig?.portBindings ?? [:]).isEmpty || host.publishAllPorts {
                throw EngineError.invalidArgument(
                    "conflicting options: port publishing and the container type network mode")
            }
            if !request.config.hostname.isEmpty {
                throw EngineError.invalidArgument("conflicting options: hostname and the network mode")
            }
            return [:]
        }
        if wanted.isEmpty, let mac = request.config.macAddress, !mac.isEmpty {
            wanted[mode] = EndpointSettings()
            wanted[mode]?.macAddress = mac
        }
        return wanted
    }

    private func checkBindSources(_ mounts: [ContainerMount]) async throws {
        for mount in mounts where mount.point.type == "bind" && !mount.createsSource {
            guard try await Files.exists(mount.point.source) else {
                throw EngineError.invalidArgument(
                    "invalid mount config for type \"bind\": bind source path does not exist: \(mount.point.source)")
            }
        }
    }

    private func warnings(_ host: HostConfig) -> [String] {
        var result: [String] = []
        if host.networkMode == "host", !(host.portBindings ?? [:]).isEmpty {
            result.append("Published ports are discarded when using host network mode")
        }
        return result
    }

    private static func named(_ config: ContainerConfig, id: String, host: HostConfig) -> ContainerConfig {
        var config = config
        if config.hostname.isEmpty, host.utsMode != "host", !host.networkMode.hasPrefix("container:") {
            config.hostname = host.networkMode == "host" ? Files.hostname() : Identifier.short(id)
        }
        return config
    }
}
