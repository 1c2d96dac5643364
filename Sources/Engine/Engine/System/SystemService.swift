// SPDX-License-Identifier: Apache-2.0
// What the daemon tells about itself.
package import DockerAPI
import Glibc
import Primitives
import Synchronization
import Tasks

/// Version, information, disk usage and registry logins.
package final class SystemService: Sendable {
    let settings: EngineSettings
    let containers: ContainerService
    let images: ImageService
    let volumes: VolumeService
    let events: EventService
    let daemon: Mutex<DaemonConfiguration>

    init(
        settings: EngineSettings, configuration: DaemonConfiguration, containers: ContainerService,
        images: ImageService,
        volumes: VolumeService, events: EventService
    ) {
        self.settings = settings
        self.containers = containers
        self.images = images
        self.volumes = volumes
        self.events = events
        daemon = Mutex(configuration)
    }

    package func version() -> SystemVersion {
        let machine = MachineInformation.current
        var view = SystemVersion()
        view.platform.name = "apus"
        view.version = Build.version
        view.apiVersion = Build.apiVersion
        view.minAPIVersion = Build.minimumAPIVersion
        view.gitCommit = Build.commit
        view.goVersion = "swift" + Build.compiler
        view.os = "linux"
        view.arch = settings.architecture
        view.kernelVersion = machine.kernel
        view.buildTime = Build.time
        var engine = VersionComponent()
        engine.name = "Engine"
        engine.version = Build.version
        engine.details = [
            "ApiVersion": Build.apiVersion, "Arch": settings.architecture, "BuildTime": Build.time,
            "Experimental": "false", "GitCommit": Build.commit, "GoVersion": view.goVersion,
            "KernelVersion": machine.kernel, "MinAPIVersion": Build.minimumAPIVersion, "Os": "linux",
        ]
        var runtime = VersionComponent()
        runtime.name = "apus-runtime"
        runtime.version = Build.version
        runtime.details = ["GitCommit": Build.commit]
        view.components = [engine, runtime]
        return view
    }

    package func info() async throws -> SystemInfo {
        let machine = MachineInformation.current
        let configuration = daemon.withLock { $0 }
        var view = SystemInfo()
        let states = containers.registry.all.map(\.record.state)
        view.id = settings.identity
        view.containers = states.count
        view.containersRunning = states.filter { if case .running = $0 { true } else { false } }.count
        view.containersPaused = states.filter(\.isPaused).count
        view.containersStopped = states.count - view.containersRunning - view.containersPaused
        view.images = try await images.count()
        view.driver = "overlay2"
        view.driverStatus = [
            ["Backing Filesystem", machine.fileSystem(of: settings.dataRoot)], ["Supports d_type", "true"],
            ["Using metacopy", "false"], ["Native Overlay Diff", "true"],
            ["userxattr", configuration.rootless == nil ? "false" : "true"],
        ]
        view.plugins.volume = ["local"]
        view.plugins.network = ["bridge", "host", "null"]
        view.plugins.log = ["json-file", "local", "none"]
        let support = settings.limits.support
        view.memoryLimit = support.memory
        view.swapLimit = support.swap
        view.cpuCfsPeriod = support.cpuQuota
        view.cpuCfsQuota = support.cpuQuota
        view.cpuShares = support.cpuShares
        view.cpuSet = support.cpuset
        view.pidsLimit = support.pids
        view.ipv4Forwarding = machine.forwardsIPv4
        view.debug = configuration.debug
        view.nfd = machine.openDescriptors()
        view.oomKillDisable = support.oomKillDisable
        view.ngoroutines = machine.threads()
        view.systemTime = Timestamp.now().rfc3339Nano
        view.loggingDriver = settings.logDriver
        let hasGroups = configuration.rootless.map { $0.controlGroup != nil } ?? true
        view.cgroupDriver = hasGroups ? "cgroupfs" : "none"
        view.cgroupVersion = String(settings.limits.cgroupVersion)
        view.neventsListener = events.followerCount
        view.kernelVersion = machine.kernel
        view.operatingSystem = machine.operatingSystem
        view.osVersion = machine.osVersion
        view.osType = "linux"
        view.architecture = machine.architecture
        view.indexServerAddress = "https://index.docker.io/v1/"
        fillRegistries(&view, configuration)
        view.ncpu = settings.limits.cpus
        view.memTotal = machine.memory
        view.dockerRootDir = settings.dataRoot
        view.name = Files.hostname()
        view.labels = configuration.labels
        view.serverVersion = Build.version
        for name in settings.limits.runtimes.sorted() {
            var runtime = RuntimeInfo()
            runtime.path = configuration.runtimes[name]?.path ?? "apus-runtime"
            if let arguments = configuration.runtimes[name]?.arguments, !arguments.isEmpty {
                runtime.runtimeArgs = arguments
            }
            view.runtimes[name] = runtime
        }
        view.defaultRuntime = settings.limits.defaultRuntime
        view.cdiSpecDirs = configuration.cdiFolders
        view.swarm.localNodeState = "inactive"
        view.liveRestoreEnabled = true
        view.initBinary = "apus-runtime"
        view.securityOptions =
            (AppArmor.isUsable ? ["name=apparmor"] : []) + ["name=seccomp,profile=builtin"]
            + (settings.remapping == nil ? [] : ["name=userns"])
            + (settings.limits.cgroupVersion == 2 ? ["name=cgroupns"] : [])
            + (configuration.rootless == nil ? [] : ["name=rootless"])
        return view
    }

    private func fillRegistries(_ view: inout SystemInfo, _ configuration: DaemonConfiguration) {
        view.registryConfig.insecureRegistryCIDRs = ["::1/128", "127.0.0.0/8"]
        view.registryConfig.mirrors = configuration.registryMirrors
        var hub = IndexInfo()
        hub.name = "docker.io"
        hub.mirrors = configuration.registryMirrors
        hub.secure = true
        hub.official = true
        view.registryConfig.indexConfigs["docker.io"] = hub
        for name in configuration.insecureRegistries {
            if name.contains("/") {
                view.registryConfig.insecureRegistryCIDRs.append(name)
                continue
            }
            var registry = IndexInfo()
            registry.name = name
            view.registryConfig.indexConfigs[name] = registry
        }
    }

    /// `types` limits the answer: `container`, `image`, `volume`, `build-cache`; empty means all.
    package func diskUsage(types: [String]) async throws -> DiskUsage {
        for type in types where !["container", "image", "volume", "build-cache"].contains(type) {
            throw EngineError.invalidArgument("unknown object type: \(type)")
        }
        var usage = DiskUsage()
        if types.isEmpty || types.contains("image") {
            var options = ImageListOptions()
            options.all = true
            options.sharedSize = true
            usage.images = try await images.list(options).map { image in
                var image = image
                image.containers = containers.registry.all.filter { $0.record.imageID == image.id }.count
                return image
            }
            usage.layersSize = try await images.layersSize()
        }
        if types.isEmpty || types.contains("container") {
            var options = ContainerListOptions()
            options.all = true
            options.size = true
            usage.containers = try await containers.list(options)
        }
        if types.isEmpty || types.contains("volume") { usage.volumes = try await volumes.listWithUsage() }
        return usage
    }
}
