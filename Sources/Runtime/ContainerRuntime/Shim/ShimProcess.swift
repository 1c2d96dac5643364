// SPDX-License-Identifier: Apache-2.0
// One process under a shim: the container's first one, or one executed in it.
import CLinux
import Glibc
import JSON
import Linux
import Primitives

/// From clone to exit: follows the handshake and remembers how it went.
final class ShimProcess {
    enum State {
        /// Cloned; preparing itself.
        case preparing
        /// Waits for the word to execute its program.
        case ready
        case starting
        case running
        case failed(RuntimeError)
        case stopped(ExitStatus, at: Timestamp)
    }

    let id: String
    let streams: ProcessStreams
    private(set) var state = State.preparing
    private(set) var pid: Int32 = 0
    private(set) var pidfd: Int32 = -1
    private(set) var startedAt = Timestamp.zero
    private var socket: Int32 = -1
    private let loop: EventLoop
    private var startRequest: ShimRequest?
    /// Hooks and listeners of the container's own process.
    var services: LaunchServices?
    private var privileged = PrivilegedSettings()
    /// What lets the program start, when another runtime holds it.
    var word: (() -> Void)?
    /// Executed processes do not wait for `start`.
    private let waitsForStart: Bool

    init(id: String, streams: ProcessStreams, waitsForStart: Bool, loop: EventLoop) {
        self.id = id
        self.streams = streams
        self.waitsForStart = waitsForStart
        self.loop = loop
    }

    func adopt(_ launched: consuming LaunchedProcess) throws {
        pid = launched.pid
        pidfd = try launched.pidfd.duplicate().release()
        socket = try launched.socket.duplicate().release()
        privileged = launched.privileged
        streams.closeChildEnds()
        if !waitsForStart { state = .starting }
        loop.watch(socket, .read) { [weak self] _ in self?.hear() }
    }

    /// Takes a process over that another runtime has made. One that has ended already has no descriptor any more.
    func adopt(pid: Int32) {
        self.pid = pid
        pidfd = apus_pidfd_open(pid, 0)
        guard waitsForStart else { return hasStarted() }
        state = .ready
        if startRequest != nil { go() }
    }

    var isRunning: Bool { if case .running = state { true } else { false } }
    var isStopped: Bool {
        switch state {
        case .stopped, .failed: true
        default: false
        }
    }

    /// Answers `request` when the program runs, or could not be started.
    func start(answering request: ShimRequest) {
        switch state {
        case .preparing: startRequest = request
        case .ready:
            startRequest = request
            go()
        case .starting where !waitsForStart && startRequest == nil: startRequest = request
        case .failed(let error): request.fail(error)
        default: request.fail(RuntimeError(.invalid, "cannot start a container that has been started"))
        }
    }

    private func go() {
        state = .starting
        if let word { return word() }
        do { try Handshake.send(.start, on: socket) } catch { fail(RuntimeError(error)) }
    }

    private func hear() {
        let packet: PacketSocket.Packet?
        do { packet = try PacketSocket.receive(socket) } catch { packet = nil }
        guard let packet else { return ended() }
        let message = Handshake(packet.bytes)
        switch message {
        case .hooks, .listener, .tree:
            do {
                _ = try services?.answer(message, descriptors: packet.descriptors, pid: pid, socket: socket)
            } catch { giveUp(error) }
        case .terminal:
            if let master = packet.descriptors.first { streams.adopt(master: master) }
        case .ready:
            do { try privileged.applyLimits(to: pid) } catch { return giveUp(error) }
            state = .ready
            if startRequest != nil { go() }
        case .failed(let error): fail(error)
        default: break
        }
    }

    /// The socket closed: by exec, if the word was given; else the child died.
    private func ended() {
        hangUp()
        guard case .starting = state else {
            if case .failed = state { return }
            return fail(RuntimeError(.internalError, "the container's init process died before it was ready"))
        }
        do { try services?.started(pid: pid) } catch { return giveUp(error) }
        hasStarted()
    }

    /// The program runs.
    func hasStarted() {
        if isStopped || isRunning { return }
        state = .running
        startedAt = Timestamp.now()
        startRequest?.reply(["pid": .int(Int64(pid)), "startedAt": .string(startedAt.rfc3339Nano)])
        startRequest = nil
        // Most of what starting a container took is not needed again until its end.
        if waitsForStart { apus_trim_pages() }
    }

    /// A hook has failed, or the other runtime could not start the program: the container must not live.
    func giveUp(_ error: any Error) {
        if isStopped { return }
        _ = kill(pid, SIGKILL)
        fail(RuntimeError(error))
    }

    func fail(_ error: RuntimeError) {
        hangUp()
        state = .failed(error)
        streams.end()
        startRequest?.fail(error)
        startRequest = nil
    }

    private func hangUp() {
        guard socket >= 0 else { return }
        loop.forget(socket)
        _ = close(socket)
        socket = -1
    }

    /// Reaped. An exit right behind exec may be seen before the socket's end.
    func exited(_ status: ExitStatus) {
        while socket >= 0 { hear() }
        if pidfd >= 0 { _ = close(pidfd) }
        pidfd = -1
        if case .failed = state { return }
        if word != nil, !isRunning {
            // Quicker than the runtime's answer, if it was let go.
            guard case .starting = state else {
                return fail(RuntimeError(.internalError, "the container's init process died before it was ready"))
            }
            hasStarted()
        }
        streams.end()
        state = .stopped(status, at: Timestamp.now())
    }

    func signal(_ number: Int32) throws {
        guard pidfd >= 0 else { throw RuntimeError(.notFound, "process is not running") }
        let fd = pidfd
        do { try check("pidfd_send_signal") { apus_pidfd_send_signal(fd, number) } } catch {
            if error.code == ESRCH { throw RuntimeError(.notFound, "process is not running") }
            throw error
        }
    }
}
