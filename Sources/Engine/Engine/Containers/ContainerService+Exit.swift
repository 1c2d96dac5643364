// SPDX-License-Identifier: Apache-2.0
// What follows the end of a container's process: clean up, record, announce, and maybe start again.
import DockerAPI
import Logging
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Follows a running task until its end. The monitor belongs to the container and ends with the task or the daemon.
    func follow(_ container: Container, _ task: any RunningTask, _ stream: AsyncStream<TaskEvent>) {
        let monitor = Task { [self] in
            for await event in stream {
                switch event {
                case .oom: announce(container.record, "oom")
                case .execExited(let execID, let exit): execExited(container, execID, exit)
                case .exited(let exit):
                    do {
                        try await container.queue.run { try await self.ended(container, task, exit) }
                    } catch {
                        logger.error(
                            "recording the end of a container failed",
                            metadata: ["container": "\(container.id)", "error": "\(error)"])
                    }
                    return
                }
            }
        }
        container.live.withLock { $0.monitor = monitor }
    }

    /// Runs on the container's queue.
    func ended(_ container: Container, _ task: any RunningTask, _ exit: TaskExit) async throws {
        guard let run = container.record.state.run, container.live.withLock({ $0.task === task }) else { return }
        stopHealthChecks(container)
        do {
            try await task.remove()
        } catch {
            logger.warning(
                "removing what a task left failed", metadata: ["container": "\(container.id)", "error": "\(error)"])
        }
        await leaveNetworks(container.record)
        let (execs, delay) = container.live.withLock { live in
            live.task = nil
            live.monitor = nil
            defer { live.execIDs = [] }
            return (live.execIDs, live.restartDelay)
        }
        forgetExecs(execs)
        try await recordEnd(
            container,
            Exit(code: Int(exit.code), oomKilled: exit.oomKilled, startedAt: run.startedAt, finishedAt: exit.exitedAt),
            previousDelay: delay)
    }

    /// Decides what comes next, saves it, then tells. Runs on the container's queue.
    func recordEnd(_ container: Container, _ exit: Exit, previousDelay: Duration?) async throws {
        let before = container.record
        let decision = try RestartPolicy(before.hostConfig.restartPolicy).next(
            exitCode: exit.code, ran: .seconds(max(0, exit.finishedAt.secondsSince(exit.startedAt))),
            attempts: before.restartCount, previousDelay: previousDelay, stoppedByUser: before.stoppedByUser)
        let record = try await update(container) { record in
            switch decision {
            case .stay: try record.state.apply(.exited(exit))
            case .restart: try record.state.apply(.exitedToRestart(exit))
            }
            record.endpoints = record.endpoints.mapValues(Self.cleared)
            record.ports = [:]
            record.sandboxID = ""
        }
        let seconds = Int(max(0, exit.finishedAt.secondsSince(exit.startedAt)))
        announce(record, "die", ["exitCode": String(exit.code), "execDuration": String(seconds)])
        for mount in record.mounts where mount.point.type == "volume" {
            events.publish(
                "volume", "unmount", id: mount.point.name ?? "",
                attributes: ["driver": "local", "container": record.id])
        }
        container.exits.send(Self.answer(record))
        switch decision {
        case .restart(let delay): scheduleRestart(container, after: delay)
        case .stay:
            if record.hostConfig.autoRemove { scheduleRemoval(container) }
        }
    }

    /// An endpoint as a stopped container shows it: the network it belongs to, no addresses.
    private static func cleared(_ endpoint: EndpointSettings) -> EndpointSettings {
        var result = EndpointSettings()
        result.ipamConfig = endpoint.ipamConfig
        result.aliases = endpoint.aliases
        result.networkID = endpoint.networkID
        return result
    }

    private func scheduleRestart(_ container: Container, after delay: Duration) {
        let task = Task { [self] in
            do {
                try await Task.sleep(for: delay)
                try await container.queue.run {
                    guard container.record.state.isRestarting else { return }
                    try await self.startOnQueue(container, byPolicy: true)
                }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("restart failed", metadata: ["container": "\(container.id)", "error": "\(error)"])
            }
        }
        container.live.withLock { live in
            live.restart = task
            live.restartDelay = delay
        }
    }

    /// Removes a container that asked for it, once its queue is free.
    func scheduleRemoval(_ container: Container) {
        Task { [self] in
            do {
                try await container.queue.run { try await self.removeOnQueue(container, volumes: true) }
            } catch {
                logger.error(
                    "automatic removal failed", metadata: ["container": "\(container.id)", "error": "\(error)"])
            }
        }
    }
}
