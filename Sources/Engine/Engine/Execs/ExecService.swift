// SPDX-License-Identifier: Apache-2.0
// Processes started in running containers.
package import DockerAPI
import Logging
import OCI
import Primitives
import Synchronization
import Tasks

/// One exec: what was asked for, and what became of it.
private struct Exec: Sendable {
    enum Phase: Sendable, Equatable {
        case created
        case starting
        case running(pid: Int32)
        case ended(pid: Int32, code: Int32?)
    }

    let id: String
    let containerID: String
    let request: ExecCreateRequest
    var phase = Phase.created
}

/// Creates, starts and inspects execs. They belong to a run of their container and are forgotten with it.
package final class ExecService: Sendable {
    private let containers: ContainerService
    private let drivers: EngineDrivers
    private let execs = Mutex<[String: Exec]>([:])

    init(containers: ContainerService, drivers: EngineDrivers) {
        self.containers = containers
        self.drivers = drivers
        containers.observeExecs(
            ended: { [weak self] container, id, exit in self?.ended(container, id, code: exit.code) },
            forgotten: { [weak self] ids in self?.forget(ids) })
    }

    package func create(_ reference: String, _ request: ExecCreateRequest) async throws -> IDResponse {
        let container = try await containers.findSettled(reference)
        guard let command = request.cmd, let first = command.first, !first.isEmpty else {
            throw EngineError.invalidArgument("No exec command specified")
        }
        let record = container.record
        if record.state.isPaused {
            throw EngineError.conflict("Container \(record.id) is paused, unpause the container before exec")
        }
        guard record.state.isAlive else { throw ContainerErrors.notRunning(record.id) }
        _ = try DetachKeys(parsing: request.detachKeys)
        for variable in request.env ?? [] where variable.isEmpty || variable.hasPrefix("=") {
            throw EngineError.invalidArgument("invalid environment variable: \(variable)")
        }
        let exec = Exec(id: Identifier.random(), containerID: record.id, request: request)
        execs.withLock { $0[exec.id] = exec }
        container.live.withLock { _ = $0.execIDs.insert(exec.id) }
        containers.announce(
            record, "exec_create: \(command.joined(separator: " "))", ["execID": exec.id])
        var answer = IDResponse()
        answer.id = exec.id
        return answer
    }

    /// Starts the exec; nil when it was asked to run detached.
    package func start(_ id: String, _ request: ExecStartRequest) async throws -> (any ProcessConnection)? {
        let exec = try find(id)
        let container = try containers.registry.find(exec.containerID)
        let record = container.record
        guard record.state.isAlive, let task = container.live.withLock({ $0.task }) else {
            throw ContainerErrors.notRunning(record.id)
        }
        if record.state.isPaused {
            throw EngineError.conflict("Container \(record.id) is paused, unpause the container before exec")
        }
        try begin(id)
        do {
            return try await launch(exec, request, container, task)
        } catch {
            let code = (error as? TaskError)?.exitCode ?? 126
            setPhase(id, .ended(pid: 0, code: code))
            containers.announce(record, "exec_die", ["execID": id, "exitCode": String(code)])
            guard let error = error as? TaskError else { throw error }
            let text = "OCI runtime exec failed: exec failed: unable to start container process: \(error.message)"
            guard !request.detach else {
                throw error.kind == .internalError ? EngineError.internalError(text) : .invalidArgument(text)
            }
            // The client has asked to take the connection over: it is told there, and reads the code by inspecting.
            let connection = TaskConnection(
                isRaw: request.tty, stdin: false, stdout: true, stderr: false, keys: nil)
            connection.end(history: TextSource(text + "\r\n", isRaw: request.tty))
            return connection
        }
    }

    private func launch(
        _ exec: Exec, _ start: ExecStartRequest, _ container: Container, _ task: any RunningTask
    ) async throws -> (any ProcessConnection)? {
        let record = container.record
        let asked = exec.request
        let detached = start.detach
        let root = try await drivers.storage.rootFilesystem(record.id)
        let process = try await containers.execProcess(
            record, asked, size: start.consoleSize ?? asked.consoleSize, root: root)
        var request = ExecRequest(execID: exec.id, process: process)
        request.tty = asked.tty
        request.openStdin = asked.attachStdin && !detached
        request.attachStdin = asked.attachStdin && !detached
        request.attachStdout = (asked.attachStdout || asked.tty) && !detached
        request.attachStderr = asked.attachStderr && !asked.tty && !detached
        let keys = asked.tty ? try DetachKeys(parsing: asked.detachKeys) : nil
        let id = exec.id
        containers.announce(
            record, "exec_start: \((asked.cmd ?? []).joined(separator: " "))", ["execID": id])
        let (pid, streams) = try await task.exec(request)
        execs.withLock { execs in
            // Its end may have been told before this line.
            if case .ended = execs[id]?.phase { return }
            execs[id]?.phase = .running(pid: pid)
        }
        guard !detached else {
            streams.close()
            return nil
        }
        // Whether the client wants frames is what it says now, not what the exec was made with: so does Docker.
        let connection = TaskConnection(
            isRaw: start.tty, stdin: request.attachStdin, stdout: request.attachStdout, stderr: request.attachStderr,
            keys: keys
        ) { [containers] in containers.announce(container.record, "exec_detach", ["execID": id]) }
        // Clients ask for the exit code as soon as the stream ends: it must be known by then.
        connection.deliver(streams) { [weak self] in
            guard let exit = try? await task.waitForExec(id) else { return }
            self?.settle(id, code: exit.code)
        }
        return connection
    }

    package func inspect(_ id: String) async throws -> ExecInspect {
        let exec = try find(id)
        let asked = exec.request
        var view = ExecInspect()
        view.id = exec.id
        view.containerID = exec.containerID
        view.openStdin = asked.attachStdin
        view.openStdout = asked.attachStdout
        view.openStderr = asked.attachStderr
        view.detachKeys = asked.detachKeys
        view.processConfig.tty = asked.tty
        view.processConfig.entrypoint = asked.cmd?.first ?? ""
        view.processConfig.arguments = Array((asked.cmd ?? []).dropFirst())
        view.processConfig.privileged = asked.privileged
        view.processConfig.user = asked.user.isEmpty ? nil : asked.user
        switch exec.phase {
        case .created: break
        case .starting: view.running = true
        case .running(let pid):
            view.running = true
            view.pid = Int(pid)
        case .ended(let pid, let code):
            view.pid = Int(pid)
            view.exitCode = code.map(Int.init)
        }
        return view
    }

    package func resize(_ id: String, height: Int, width: Int) async throws {
        let exec = try find(id)
        guard case .running = exec.phase,
            let task = try containers.registry.find(exec.containerID).live.withLock({ $0.task })
        else { throw EngineError.conflict("exec \(id) is not running") }
        try await task.resize(width: width, height: height, execID: id)
    }

    private func find(_ id: String) throws -> Exec {
        let found = execs.withLock { execs -> Exec? in
            if let exec = execs[id] { return exec }
            let matching = execs.values.filter { $0.id.hasPrefix(id) }
            return id.isEmpty || matching.count != 1 ? nil : matching[0]
        }
        guard let found else { throw EngineError.notFound("No such exec instance: \(id)") }
        return found
    }

    /// An exec starts once.
    private func begin(_ id: String) throws {
        let phase = execs.withLock { execs -> Exec.Phase? in
            let phase = execs[id]?.phase
            if phase == .created { execs[id]?.phase = .starting }
            return phase
        }
        switch phase {
        case .created: return
        case .ended: throw EngineError.conflict("Error: Exec command \(id) has already run")
        case nil: throw EngineError.notFound("No such exec instance: \(id)")
        default: throw EngineError.conflict("Error: Exec command \(id) is already running")
        }
    }

    private func setPhase(_ id: String, _ phase: Exec.Phase) { execs.withLock { $0[id]?.phase = phase } }

    private func settle(_ id: String, code: Int32) {
        execs.withLock { execs in
            switch execs[id]?.phase {
            case .running(let pid): execs[id]?.phase = .ended(pid: pid, code: code)
            case .starting: execs[id]?.phase = .ended(pid: 0, code: code)
            default: break
            }
        }
    }

    private func ended(_ container: Container, _ id: String, code: Int32) {
        let isKnown = execs.withLock { execs -> Bool in
            guard let exec = execs[id] else { return false }
            if case .running(let pid) = exec.phase {
                execs[id]?.phase = .ended(pid: pid, code: code)
            } else {
                execs[id]?.phase = .ended(pid: 0, code: code)
            }
            return true
        }
        if isKnown { containers.announce(container.record, "exec_die", ["execID": id, "exitCode": String(code)]) }
    }

    /// The run they belonged to has ended; those that still ran died with it.
    private func forget(_ ids: Set<String>) {
        execs.withLock { execs in
            for id in ids {
                if case .running(let pid) = execs[id]?.phase { execs[id]?.phase = .ended(pid: pid, code: 137) }
            }
            // Ended execs stay inspectable for a while; a bound keeps a long life from filling memory.
            guard execs.count > 4096 else { return }
            for id in ids { execs[id] = nil }
        }
    }
}
