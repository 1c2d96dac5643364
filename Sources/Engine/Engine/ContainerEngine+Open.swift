// SPDX-License-Identifier: Apache-2.0
// Puts the engine of one data root together: database, stores, drivers, services; then finds its containers again.
import AsyncSystem
import Distribution
import Glibc
import Linux
package import Logging
import Networking
import OCI
import Primitives
import SQLite
import Storage
import Synchronization
import Tasks

extension ContainerEngine {
    /// Opens a data root that the caller has locked. `programs` is the folder with apus-runtime and apus-hello.
    package static func open(
        _ configuration: DaemonConfiguration, programs: String, logger: Logger
    ) async throws -> ContainerEngine {
        let root = configuration.dataRoot
        for folder in ["", "/containers", "/tmp"] { try await Files.makeFolder(root + folder) }
        try await Files.makeFolder(configuration.execRoot + "/containers")
        try await Files.emptyFolder(root + "/tmp")
        try await Files.makeFolder(root + "/tmp/mount")
        let instance = DaemonInstance(dataRoot: root)
        let facts = HostFacts.current(
            defaultCgroupParent: instance.cgroupParent, delegated: configuration.rootless?.controlGroup)
        let database = try await context("open \(root)/apus.db") {
            try await Blocking.run { try Database(path: root + "/apus.db") }
        }
        let content = try ContentStore(folder: root + "/content")
        let layers = try LayerStore(folder: root + "/snapshots", database: database)
        let imageStore = try ImageStore(content: content, layers: layers, database: database)
        let volumeStore = try VolumeStore(folder: root + "/volumes", database: database)
        try await addHelloWorld(to: imageStore, programs: programs, logger: logger)

        var network = configuration.network
        network.instance = instance.name
        if !network.usesExistingBridge { network.bridgeName = instance.bridgeName }
        let stack = NetworkStack(
            configuration: network, records: try NetworkTable(database), logger: logger,
            forwarder: configuration.rootless == nil
                ? nil : SlirpForwarder(socket: configuration.rootlessFolder + "/slirp4netns.sock"))
        try await stack.start()

        let settings = try settings(configuration, facts: facts)
        let drivers = EngineDrivers(
            tasks: ShimTaskDriver(
                configuration: .init(
                    runtimePath: programs + "/apus-runtime", execRoot: configuration.execRoot,
                    runtimes: configuration.runtimes)),
            networks: stack, specs: SpecFactory(host: facts),
            storage: EngineStorage(images: imageStore, volumes: volumeStore, temporaryFolder: root + "/tmp/mount"))
        let registries = Registries(
            images: imageStore,
            policy: RegistryPolicy(insecure: configuration.insecureRegistries, mirrors: configuration.registryMirrors))
        let events = EventService()
        let containers = ContainerService(
            table: try ContainerTable(database), drivers: drivers, events: events, settings: settings, logger: logger)
        let images = ImageService(
            drivers: ImageDrivers(images: imageStore, registries: registries), events: events, logger: logger)
        images.observe { [registry = containers.registry] in registry.all.map(\.record) }
        let volumes = VolumeService(store: volumeStore, containers: containers, events: events)
        let engine = ContainerEngine(
            containers: containers, execs: ExecService(containers: containers, drivers: drivers), images: images,
            networks: NetworkService(stack: stack, containers: containers, events: events), volumes: volumes,
            system: SystemService(
                settings: settings, configuration: configuration, containers: containers, images: images,
                volumes: volumes, events: events),
            events: events)
        do { try await containers.loadProfile(AppArmor.isUsable ? AppArmor.defaultProfile : nil) } catch {
            // Containers with another profile, or none, can still run.
            logger.error("no default AppArmor profile", metadata: ["error": "\(error)"])
        }
        try await containers.restore()
        return engine
    }

    /// Lets go of the containers, which stay as they are, and ends the streams of clients.
    package func shutdown() async {
        await containers.shutdown()
        await containers.clearIdle()
        events.shutdown()
        await images.drivers.registries.close()
    }

    /// Reads the configuration file again; gives the names of the settings that changed.
    package func reload() throws -> [String: String] {
        let changed = try system.daemon.withLock { try $0.reload() }
        events.publish("daemon", "reload", id: system.settings.identity, attributes: changed)
        return changed
    }

    private static func settings(_ configuration: DaemonConfiguration, facts: HostFacts) throws -> EngineSettings {
        let limits = MachineLimits(
            cpus: facts.cpuCount, runtimes: OCIRuntime.builtIn.union(configuration.runtimes.keys),
            cgroupVersion: facts.usesCgroupV2 ? 2 : 1, defaultRuntime: configuration.defaultRuntime,
            support: facts.limits)
        var settings = EngineSettings(
            dataRoot: configuration.dataRoot, execRoot: configuration.execRoot,
            identity: try DaemonInstance.identity(dataRoot: configuration.dataRoot), architecture: facts.architecture,
            limits: limits)
        settings.hasDefaultBridge = configuration.hasBridge
        settings.logDriver = configuration.logDriver
        settings.logOptions = configuration.logOptions
        settings.defaultShmSize = configuration.defaultShmSize
        settings.defaultUlimits = configuration.defaultUlimits
        settings.usesInitByDefault = configuration.usesInit
        settings.cgroupParent = configuration.cgroupParent
        settings.cdiFolders = configuration.cdiFolders
        settings.noNewPrivileges = configuration.noNewPrivileges
        let (users, groups) = (Files.readNow("/etc/subuid") ?? "", Files.readNow("/etc/subgid") ?? "")
        settings.remapping = try SubordinateIDs.remapping(configuration.usernsRemap, users: users, groups: groups)
        settings.userRanges = try SubordinateIDs.pool(configuration.usernsAutoPool, users: users, groups: groups)
        settings.defaultMaskedPaths = OCISpecBuilder.maskedPaths
        settings.defaultReadonlyPaths = OCISpecBuilder.readonlyPaths
        return settings
    }

    /// The image that `apus run hello-world` needs no network for. Without the program there is no image, that is all.
    private static func addHelloWorld(to store: ImageStore, programs: String, logger: Logger) async throws {
        let program = programs + "/apus-hello"
        guard try await Files.exists(program) else {
            logger.warning("\(program) is missing: no embedded hello-world image")
            return
        }
        try await store.addEmbeddedImage(program: program)
    }
}
