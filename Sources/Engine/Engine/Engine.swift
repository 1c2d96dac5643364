// SPDX-License-Identifier: Apache-2.0
// The engine: the services of one daemon, joined over the drivers.

/// What a daemon decides. The server translates requests into calls of these services and decides nothing itself.
package final class ContainerEngine: Sendable {
    package let containers: ContainerService
    package let execs: ExecService
    package let images: ImageService
    package let networks: NetworkService
    package let volumes: VolumeService
    package let system: SystemService
    package let events: EventService
    package let metrics: MetricsService

    init(
        containers: ContainerService, execs: ExecService, images: ImageService, networks: NetworkService,
        volumes: VolumeService, system: SystemService, events: EventService
    ) {
        self.containers = containers
        self.execs = execs
        self.images = images
        self.networks = networks
        self.volumes = volumes
        self.system = system
        self.events = events
        metrics = MetricsService(system: system)
    }

    /// No container has a process.
    package var isIdle: Bool { !containers.registry.all.contains { $0.record.state.isAlive } }
}
