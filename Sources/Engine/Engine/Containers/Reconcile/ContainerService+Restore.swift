// SPDX-License-Identifier: Apache-2.0
// The start of the daemon: containers are found as they are, and what they left behind is cleared.
import DockerAPI
import Logging
import Networking
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    /// Loads all containers, connects to those that live and records the ends of those that do not. Called once, before the
    /// first request.
    func restore() async throws {
        let (records, quarantined) = try await table.load()
        for id in quarantined {
            logger.error(
                "a saved container cannot be read; it is kept and left alone", metadata: ["container": "\(id)"])
        }
        for record in records {
            registry.insert(Container(record))
            if let mapping = record.userMapping { settings.userRanges.claim(mapping, for: record.id) }
        }
        var ended: [(Container, Exit)] = []
        var live: Set<String> = []
        let known = Set(try await drivers.tasks.knownContainers())
        for container in registry.all {
            do {
                let found = known.contains(container.id) ? try await drivers.tasks.reconnect(container.id) : .lost
                if let exit = try await adopt(container, found) {
                    ended.append((container, exit))
                } else if container.record.state.isAlive {
                    live.insert(container.id)
                }
            } catch {
                logger.error(
                    "restoring a container failed", metadata: ["container": "\(container.id)", "error": "\(error)"])
            }
        }
        try await drivers.networks.reconcile(live: live)
        for id in known.subtracting(registry.all.map(\.id)).subtracting(quarantined) {
            await tolerating("discarding an unknown container's remains", id) {
                try await self.drivers.tasks.discard(id)
            }
        }
        let kept = Set(registry.all.map(\.id)).union(quarantined)
        await tolerating("removing unused snapshots", "") {
            try await self.drivers.storage.removeSnapshots(notIn: kept)
        }
        for (container, exit) in ended {
            await tolerating("recording an end", container.id) {
                try await container.queue.run { try await self.recordEnd(container, exit, previousDelay: nil) }
            }
        }
        await finishInterrupted()
    }

    /// Applies what was observed; gives the end of a run nobody watched.
    private func adopt(_ container: Container, _ found: ReconnectedTask) async throws -> Exit? {
        let (task, observed) = Self.observation(found)
        let plan = Reconciliation.plan(container.record.state, observed, now: .now())
        if !plan.events.isEmpty {
            try await update(container) { record in
                for event in plan.events { try record.state.apply(event) }
                record.wasStarted = true
            }
        }
        if plan.isAlive, let task {
            container.live.withLock { $0.task = task }
            follow(container, task, task.events())
            startHealthChecks(container)
        }
        if plan.discards {
            if let task { try await task.remove() } else { try await drivers.tasks.discard(container.id) }
        }
        return plan.ended
    }

    private static func observation(_ found: ReconnectedTask) -> ((any RunningTask)?, Observation) {
        switch found {
        case .lost: return (nil, .nothing)
        case .exited(let exit):
            return (nil, .exited(code: Int(exit.code), oomKilled: exit.oomKilled, at: exit.exitedAt))
        case .alive(let task, let state):
            let run = Run(pid: state.pid, startedAt: state.startedAt ?? .now())
            switch state.status {
            case .created: return (task, .created)
            case .running: return (task, .running(run))
            case .paused: return (task, .paused(run))
            case .stopped:
                guard let exit = state.exit else { return (task, .nothing) }
                return (task, .exited(code: Int(exit.code), oomKilled: exit.oomKilled, at: exit.exitedAt))
            }
        }
    }

    /// Removals that were under way go on, planned restarts are taken up, and policies that want it start their containers.
    private func finishInterrupted() async {
        for container in registry.all {
            let record = container.record
            switch record.state {
            case .removing:
                await tolerating("finishing a removal", record.id) {
                    try await container.queue.run {
                        try await self.update(container) { try $0.state.apply(.removalFailed("interrupted")) }
                        try await self.removeOnQueue(container, volumes: record.hostConfig.autoRemove)
                    }
                }
            case .restarting where container.live.withLock({ $0.restart == nil }):
                Task { await self.startByPolicy(container) }
            case .exited(let exit):
                if record.hostConfig.autoRemove {
                    scheduleRemoval(container)
                } else if let policy = try? RestartPolicy(record.hostConfig.restartPolicy),  // Checked at create.
                    policy.wantsStartWithDaemon(
                        exitCode: exit.code, stoppedByUser: record.stoppedByUser, wasStarted: record.wasStarted)
                {
                    Task { await self.startByPolicy(container) }
                }
            case .created, .running, .paused, .restarting, .dead: continue
            }
        }
    }

    private func startByPolicy(_ container: Container) async {
        await tolerating("starting a container with the daemon", container.id) {
            try await container.queue.run { try await self.startOnQueue(container, byPolicy: true) }
        }
    }

    private func tolerating(_ what: String, _ id: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.error("\(what) failed", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }
}
