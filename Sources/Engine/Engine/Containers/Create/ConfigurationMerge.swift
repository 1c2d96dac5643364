// SPDX-License-Identifier: Apache-2.0
// A container's configuration from what the user asks for and what the image gives.
import DockerAPI
import Primitives

/// Docker's rules for what the user's configuration inherits from the image's.
enum ConfigurationMerge {
    static func merge(_ request: ContainerConfig, image: ContainerConfig) throws(EngineError) -> ContainerConfig {
        var config = request
        if config.user.isEmpty { config.user = image.user }
        if config.workingDir.isEmpty { config.workingDir = image.workingDir }
        if (config.stopSignal ?? "").isEmpty { config.stopSignal = image.stopSignal }
        if let ports = image.exposedPorts { config.exposedPorts = ports.merging(config.exposedPorts ?? [:]) { $1 } }
        if let volumes = image.volumes { config.volumes = volumes.merging(config.volumes ?? [:]) { $1 } }
        config.labels = (image.labels ?? [:]).merging(config.labels ?? [:]) { $1 }
        config.env = environment(config.env ?? [], image: image.env ?? [])
        if config.shell == nil { config.shell = image.shell }
        // `--entrypoint ""` is sent as [""]: no entrypoint, and none of the image's.
        if config.entrypoint == [""] {
            config.entrypoint = nil
        } else if (config.entrypoint ?? []).isEmpty {
            if (config.cmd ?? []).isEmpty { config.cmd = image.cmd }
            config.entrypoint = image.entrypoint
        }
        if config.cmd?.isEmpty == true { config.cmd = nil }
        config.healthcheck = healthcheck(config.healthcheck, image: image.healthcheck)
        config.onBuild = nil
        return config
    }

    /// The user's variables, then the image's that the user did not name. A bare `KEY` stays to be seen by inspecting and
    /// takes the variable away when the container starts.
    private static func environment(_ given: [String], image: [String]) -> [String] {
        func key(_ variable: String) -> Substring { variable.prefix { $0 != "=" } }
        let named = Set(given.map(key))
        return given + image.filter { !named.contains(key($0)) }
    }

    private static func healthcheck(_ given: HealthConfig?, image: HealthConfig?) -> HealthConfig? {
        guard var health = given else { return image }
        guard let image else { return health }
        if (health.test ?? []).isEmpty { health.test = image.test }
        if (health.interval ?? 0) == 0 { health.interval = image.interval }
        if (health.timeout ?? 0) == 0 { health.timeout = image.timeout }
        if (health.startPeriod ?? 0) == 0 { health.startPeriod = image.startPeriod }
        if (health.startInterval ?? 0) == 0 { health.startInterval = image.startInterval }
        if (health.retries ?? 0) == 0 { health.retries = image.retries }
        return health
    }
}
