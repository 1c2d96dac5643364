// SPDX-License-Identifier: Apache-2.0
// Runs a container's health check at its interval and keeps what it found.
import DockerAPI
import Logging
import Primitives
import Synchronization
import Tasks

extension ContainerService {
    static func hasHealthCheck(_ record: ContainerRecord) -> Bool {
        guard let test = record.config.healthcheck?.test, let first = test.first else { return false }
        return first != "NONE" && test.count > 1
    }

    func startHealthChecks(_ container: Container) {
        guard Self.hasHealthCheck(container.record), let config = container.record.config.healthcheck else { return }
        let checks = Task { [self] in
            while !Task.isCancelled {
                let isStarting = container.record.healthState?.status == "starting"
                let interval = isStarting ? config.startInterval ?? 0 : config.interval ?? 0
                let usual = config.interval ?? 0
                let nanoseconds = interval > 0 ? interval : usual > 0 ? usual : 30_000_000_000
                do { try await Task.sleep(for: .nanoseconds(nanoseconds)) } catch { return }
                guard container.record.state.isAlive else { return }
                if container.record.state.isPaused { continue }
                let entry = await probe(container, config)
                if Task.isCancelled { return }
                await note(container, entry, config)
            }
        }
        container.live.withLock { $0.health = checks }
    }

    func stopHealthChecks(_ container: Container) {
        let checks = container.live.withLock { live in
            defer { live.health = nil }
            return live.health
        }
        checks?.cancel()
    }

    /// One run of the check as an exec of the container.
    private func probe(_ container: Container, _ config: HealthConfig) async -> HealthLogEntry {
        var entry = HealthLogEntry()
        entry.start = Timestamp.now().rfc3339Nano
        do {
            let (code, output) = try await run(check: config.test ?? [], container, timeout: config.timeout ?? 0)
            entry.exitCode = code
            entry.output = output
        } catch {
            entry.exitCode = -1
            entry.output = "\(error)"
        }
        entry.end = Timestamp.now().rfc3339Nano
        return entry
    }

    private func run(
        check: [String], _ container: Container, timeout: Int64
    ) async throws -> (code: Int, output: String) {
        guard let task = container.live.withLock({ $0.task }) else { throw ContainerErrors.notRunning(container.id) }
        let record = container.record
        var asked = ExecCreateRequest()
        asked.cmd =
            check[0] == "CMD-SHELL"
            ? (record.config.shell ?? ["/bin/sh", "-c"]) + [check[1]] : Array(check.dropFirst())
        let root = try await drivers.storage.rootFilesystem(record.id)
        let process = try await execProcess(record, asked, size: nil, root: root)
        var request = ExecRequest(execID: Identifier.random(), process: process)
        request.attachStdout = true
        request.attachStderr = true
        let id = request.execID
        let (_, streams) = try await task.exec(request)
        let limit = timeout > 0 ? timeout : 30_000_000_000
        let killer = Task {
            try await Task.sleep(for: .nanoseconds(limit))
            try await task.kill(signal: Signals.kill, all: false, execID: id)
        }
        defer { killer.cancel() }
        var output: [UInt8] = []
        await withTaskGroup(of: [UInt8].self) { group in
            for stream in [streams.stdout, streams.stderr].compactMap(\.self) {
                group.addTask {
                    var kept: [UInt8] = []
                    // A failing read is the end of the stream.
                    while let bytes = (try? await stream.read()) ?? nil {
                        if kept.count < 4096 { kept.append(contentsOf: bytes.prefix(4096 - kept.count)) }
                    }
                    return kept
                }
            }
            for await bytes in group { output += bytes }
        }
        let exit = try await task.waitForExec(id)
        return (Int(exit.code), String(decoding: output.prefix(4096), as: UTF8.self))
    }

    private func note(_ container: Container, _ entry: HealthLogEntry, _ config: HealthConfig) async {
        do {
            try await container.queue.run {
                guard let run = container.record.state.run, let before = container.record.healthState else { return }
                let inStartPeriod = Timestamp.now().secondsSince(run.startedAt) * 1e9 < Double(config.startPeriod ?? 0)
                let after = before.adding(entry, retries: config.retries ?? 0, inStartPeriod: inStartPeriod)
                let record = try await self.update(container) { $0.healthState = after }
                if after.status != before.status { self.announce(record, "health_status: \(after.status)") }
            }
        } catch {
            logger.warning(
                "noting a health check failed", metadata: ["container": "\(container.id)", "error": "\(error)"])
        }
    }
}

extension HealthState {
    /// The state after one more check; the last five are kept.
    func adding(_ entry: HealthLogEntry, retries: Int, inStartPeriod: Bool) -> HealthState {
        var next = self
        next.log = (log + [entry]).suffix(5)
        if entry.exitCode == 0 {
            next.failingStreak = 0
            next.status = "healthy"
            return next
        }
        if status == "starting", inStartPeriod { return next }
        next.failingStreak += 1
        if next.failingStreak >= (retries > 0 ? retries : 3) { next.status = "unhealthy" }
        return next
    }
}
