// SPDX-License-Identifier: Apache-2.0
// A container behind its shim: verbs become requests, events become values, the end is learned whatever happens.
import AsyncSystem
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives
import Synchronization

/// One container and the connection to its shim. The receiving task holds this object until the connection ends.
final class ShimTask: RunningTask {
    private struct State {
        var exit: TaskExit?
        var exitWaiters: [CheckedContinuation<TaskExit, Never>] = []
        var liveExecs: Set<String> = []
        var execExits: [String: ExecExit] = [:]
        /// Ends in the order they came: only the latest are remembered.
        var execOrder: [String] = []
        var execWaiters: [String: [CheckedContinuation<ExecExit?, Never>]] = [:]
        var shimHasEnded = false
        var shimWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private static let rememberedExecs = 1024
    private static let patience = Duration.seconds(10)

    let containerID: String
    private let folder: String
    private let cgroupPath: String?
    private let connection: ShimConnection
    private let state = Mutex(State())
    private let eventStream: AsyncStream<TaskEvent>
    private let eventSource: AsyncStream<TaskEvent>.Continuation

    /// `shimProcess` is our child to be reaped; nil when an earlier daemon spawned it.
    init(
        containerID: String, folder: String, cgroupPath: String?, connection: ShimConnection, shimProcess: pid_t?
    ) {
        self.containerID = containerID
        self.folder = folder
        self.cgroupPath = cgroupPath
        self.connection = connection
        (eventStream, eventSource) = AsyncStream.makeStream()
        // Ends with the connection, at the latest when the shim does; `remove` and `disconnect` end it, too.
        Task {
            await connection.receive { self.handle($0) }
            await self.connectionEnded(shimProcess)
        }
    }

    func disconnect() { connection.close() }

    /// Takes over what happened before this connection was made.
    func adopt(_ found: TaskState) {
        for exec in found.execs {
            if exec.isRunning {
                state.withLock { _ = $0.liveExecs.insert(exec.execID) }
            } else {
                record(exec.execID, ExecExit(code: exec.code ?? 0, exitedAt: exec.exitedAt ?? .now()))
            }
        }
        if let exit = found.exit { record(exit) }
    }

    // MARK: Events

    private func handle(_ event: JSONObject) {
        switch event["event"]?.string {
        case "exit": if let exit = ShimBundle.exit(event) { record(exit) }
        case "execExit":
            guard let execID = event["id"]?.string, let code = event["code"]?.int else { return }
            let time = event["exitedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } ?? .now()
            record(execID, ExecExit(code: Int32(clamping: code), exitedAt: time))
        case "oom": eventSource.yield(.oom)
        default: break  // a newer shim's event
        }
    }

    private func record(_ exit: TaskExit) {
        let (waiters, execWaiters): ([CheckedContinuation<TaskExit, Never>], [CheckedContinuation<ExecExit?, Never>]) =
            state.withLock { state in
                guard state.exit == nil else { return ([], []) }
                state.exit = exit
                defer {
                    state.exitWaiters = []
                    state.execWaiters = [:]
                    state.liveExecs = []
                }
                for execID in state.liveExecs where state.execExits[execID] == nil {
                    // The kernel kills what is left of the container's PID namespace.
                    state.execExits[execID] = ExecExit(code: 137, exitedAt: exit.exitedAt)
                }
                return (state.exitWaiters, state.execWaiters.values.flatMap { $0 })
            }
        for waiter in execWaiters { waiter.resume(returning: nil) }
        for waiter in waiters { waiter.resume(returning: exit) }
        eventSource.yield(.exited(exit))
        eventSource.finish()
    }

    private func record(_ execID: String, _ exit: ExecExit) {
        let waiters: [CheckedContinuation<ExecExit?, Never>]? = state.withLock { state in
            guard state.execExits.updateValue(exit, forKey: execID) == nil else { return nil }
            state.liveExecs.remove(execID)
            state.execOrder.append(execID)
            if state.execOrder.count > Self.rememberedExecs { state.execExits[state.execOrder.removeFirst()] = nil }
            return state.execWaiters.removeValue(forKey: execID) ?? []
        }
        guard let waiters else { return }
        eventSource.yield(.execExited(execID: execID, exit))
        for waiter in waiters { waiter.resume(returning: exit) }
    }

    /// Reaps the shim, then makes sure that the container's end is known: by event, by record, or as lost.
    private func connectionEnded(_ shimProcess: pid_t?) async {
        if let shimProcess { await Self.reap(shimProcess) }
        let isKnown = state.withLock { $0.exit != nil }
        if !isKnown {
            let folder = folder
            // Blocking.run fails only when its body does.
            let found = try? await Blocking.run { ShimBundle.exitRecord(folder) }
            record((found ?? nil) ?? .lost())
        }
        let waiters = state.withLock { state in
            state.shimHasEnded = true
            defer { state.shimWaiters = [] }
            return state.shimWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for a child by pidfd, so that no thread blocks and no other child is touched.
    private static func reap(_ process: pid_t) async {
        let descriptor = apus_pidfd_open(process, 0)
        if descriptor >= 0 {
            let pidfd = OwnedFD(descriptor)
            // A failed wait only means that waitpid below blocks a pool thread for a moment.
            try? await Reactor.shared.readable(pidfd.raw)
        }
        _ = try? await Blocking.run {
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
    }

    func events() -> AsyncStream<TaskEvent> { eventStream }

    func waitForExit() async -> TaskExit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state in
                if state.exit == nil { state.exitWaiters.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    func waitForExec(_ execID: String) async throws -> ExecExit {
        enum Found {
            case exit(ExecExit)
            case unknown
        }
        let exit: ExecExit? = await withCheckedContinuation { continuation in
            let found: Found? = state.withLock { state in
                if let exit = state.execExits[execID] { return .exit(exit) }
                guard state.liveExecs.contains(execID) else { return .unknown }
                state.execWaiters[execID, default: []].append(continuation)
                return nil
            }
            switch found {
            case .exit(let exit): continuation.resume(returning: exit)
            case .unknown: continuation.resume(returning: nil)
            case nil: break
            }
        }
        if let exit = exit ?? state.withLock({ $0.execExits[execID] }) { return exit }
        throw TaskError(.notRunning, "no such exec: \(execID)")
    }

    // MARK: Verbs

    func start() async throws -> TaskStart {
        let reply = try await connection.request("start")
        return TaskStart(
            pid: Int32(clamping: reply["pid"]?.int ?? 0),
            startedAt: reply["startedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } ?? .now())
    }

    func attach(execID: String?, stdin: Bool, stdout: Bool, stderr: Bool) async throws -> TaskStreams {
        let fields: JSONObject = [
            "id": .string(execID ?? ""), "stdin": .bool(stdin), "stdout": .bool(stdout), "stderr": .bool(stderr),
        ]
        return try await withStreams(stdin, stdout, stderr) {
            try await self.connection.request("attach", fields, descriptors: $0)
        }
        .streams
    }

    func exec(_ request: ExecRequest) async throws -> (pid: Int32, streams: TaskStreams) {
        let fields: JSONObject = [
            "id": .string(request.execID), "process": request.process.json, "tty": .bool(request.tty),
            "openStdin": .bool(request.openStdin), "privileged": .bool(request.privileged),
            "stdin": .bool(request.attachStdin),
            "stdout": .bool(request.attachStdout), "stderr": .bool(request.attachStderr),
        ]
        // Known before the request: its end may be announced before its reply is read.
        state.withLock { _ = $0.liveExecs.insert(request.execID) }
        do {
            let (reply, streams) = try await withStreams(
                request.attachStdin, request.attachStdout, request.attachStderr
            ) { try await self.connection.request("exec", fields, descriptors: $0) }
            return (Int32(clamping: reply["pid"]?.int ?? 0), streams)
        } catch {
            state.withLock { _ = $0.liveExecs.remove(request.execID) }
            throw error
        }
    }

    /// Makes socket pairs for the wanted streams, sends one end of each, and closes those once they are sent.
    private func withStreams(
        _ stdin: Bool, _ stdout: Bool, _ stderr: Bool, _ send: ([Int32]) async throws -> JSONObject
    ) async throws -> (reply: JSONObject, streams: TaskStreams) {
        var theirs: [Int32] = []
        defer { for descriptor in theirs { _ = close(descriptor) } }
        func make(_ wanted: Bool) throws -> TaskStream? {
            guard wanted else { return nil }
            let (ours, other) = try TaskStream.pair()
            theirs.append(other)
            return ours
        }
        let streams = TaskStreams(stdin: try make(stdin), stdout: try make(stdout), stderr: try make(stderr))
        return (try await send(theirs), streams)
    }

    func kill(signal: Int32, all: Bool, execID: String?) async throws {
        var fields: JSONObject = ["signal": .int(Int64(signal)), "all": .bool(all)]
        if let execID { fields["id"] = .string(execID) }
        _ = try await connection.request("kill", fields)
    }

    func resize(width: Int, height: Int, execID: String?) async throws {
        _ = try await connection.request(
            "resize", ["id": .string(execID ?? ""), "width": .int(Int64(width)), "height": .int(Int64(height))])
    }

    func closeStdin(execID: String?) async throws {
        _ = try await connection.request("closeStdin", ["id": .string(execID ?? "")])
    }

    func pause() async throws { _ = try await connection.request("pause") }

    func resume() async throws { _ = try await connection.request("resume") }

    func update(_ resources: RuntimeSpec.Resources) async throws {
        _ = try await connection.request("update", ["resources": resources.json])
    }

    func state() async throws -> TaskState {
        let reply = try await connection.request("state")
        return TaskState(
            status: reply["status"]?.string.flatMap { TaskState.Status(rawValue: $0) } ?? .stopped,
            pid: Int32(clamping: reply["pid"]?.int ?? 0),
            startedAt: reply["startedAt"]?.string.flatMap { Timestamp(rfc3339: $0) },
            exit: reply["exit"]?.object.flatMap { ShimBundle.exit($0) },
            execs: (reply["execs"]?.array ?? []).compactMap { exec in
                guard let execID = exec["id"]?.string else { return nil }
                return TaskState.Exec(
                    execID: execID, pid: Int32(clamping: exec["pid"]?.int ?? 0),
                    isRunning: exec["running"]?.bool ?? false, code: exec["code"]?.int.map { Int32(clamping: $0) },
                    exitedAt: exec["exitedAt"]?.string.flatMap { Timestamp(rfc3339: $0) })
            })
    }

    func remove() async throws {
        let folder = folder
        let cgroupPath = cgroupPath
        // A shim that hangs must not keep its container for ever.
        let watchdog = Task {
            try await Task.sleep(for: Self.patience)
            try await Blocking.run { ShimBundle.killShim(folder) }
        }
        defer { watchdog.cancel() }
        // A shim that has gone needs no farewell; everything else is found out below.
        _ = try? await connection.request("shutdown")
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let hasEnded = state.withLock { state in
                if !state.shimHasEnded { state.shimWaiters.append(continuation) }
                return state.shimHasEnded
            }
            if hasEnded { continuation.resume() }
        }
        try await Blocking.run {
            ShimBundle.killShim(folder)
            try ShimBundle.discard(folder, cgroupPath: cgroupPath)
        }
    }
}
