// SPDX-License-Identifier: Apache-2.0
// The process that stays beside a container: it makes it, owns its streams and its log, and tells how it ended.
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

/// One container. Requests are answered in `Shim+Requests.swift`.
package final class Shim {
    let loop: EventLoop
    let options: ShimOptions
    let configuration: ShimConfiguration
    let container: ShimProcess
    var execs: [String: ShimProcess] = [:]
    var plan: ContainerPlan?
    var namespaces: [RuntimeSpec.Namespace] = []
    var exitRecord: JSONObject?
    var isShutDown = false
    /// The runtime that made the container in this program's place.
    let foreign: ForeignRuntime?
    private let log: LogFile?
    private let listener: OwnedFD
    private var connections: [ControlConnection] = []
    private var oomWatch: OOMWatch?

    /// How long a removed container's readers may take for what it wrote last.
    private static let secondsForReaders: Int64 = 10

    /// Runs a shim to its end and returns its exit code.
    package static func run(_ arguments: [String]) throws -> Int32 {
        let options = try ShimOptions(arguments)
        signal(SIGPIPE, SIG_IGN)
        let json = try JSONValue.parse(try TextFile.bytes(options.runFolder + "/shim.json"))
        let shim = try Shim(options, try ShimConfiguration(json: json))
        shim.launch()
        while !shim.isShutDown { try shim.loop.turn() }
        // A container that is removed at its end has readers that are still behind.
        var isLate = false
        shim.loop.after(seconds: Self.secondsForReaders) { isLate = true }
        while shim.loop.obligations > 0, !isLate { try shim.loop.turn() }
        return 0
    }

    init(_ options: ShimOptions, _ configuration: ShimConfiguration) throws {
        self.options = options
        self.configuration = configuration
        loop = try EventLoop()
        log = try configuration.logPath.map {
            try LogFile(path: $0, maxSize: configuration.logMaxSize, maxFile: configuration.logMaxFile)
        }
        listener = try PacketSocket.listen(path: options.runFolder + "/shim.sock")
        let streams = try ProcessStreams(
            terminal: configuration.tty, openStdin: configuration.openStdin, closesWithClient: configuration.stdinOnce,
            log: log, loop: loop)
        container = ShimProcess(id: "", streams: streams, waitsForStart: true, loop: loop)
        foreign = configuration.foreign.map {
            ForeignRuntime($0, containerID: configuration.id, folder: options.runFolder)
        }
    }

    /// Clones the container. A failure is kept for the reply to `start`.
    private func launch() {
        do {
            try watchChildren()
            if let foreign {
                try launchForeign(foreign)
                return listen()
            }
            if let fd = options.netnsDescriptor { try check("setns") { apus_setns(fd, 0x4000_0000) } }
            let cache = options.seccompCache ?? GuestRoot.split(options.runFolder).map { $0.0 + "/seccomp" }
            var plan = try ContainerPlan(id: configuration.id, bundle: options.bundle, seccompCache: cache)
            plan.rootSource = configuration.root
            // The launch closes it; a second close would hit whatever has its number by then.
            var isHandedOver = false
            defer { if !isHandedOver, let fd = plan.preparedRoot { _ = close(fd) } }
            if configuration.mapsRoot { plan.preparedRoot = try MappedRoot.make(plan).fd.duplicate().release() }
            var owner: Int32 = -1
            defer { if owner >= 0 { _ = close(owner) } }
            if let fd = options.netnsDescriptor {
                if plan.linux.namespace(.user) != nil {
                    // Who rules the network namespace is whom the container's root must be.
                    owner = try DetachedNamespace.owner(of: fd).release()
                    plan.linux.namespaces.removeAll { $0.kind == .user }
                    plan.linux.namespaces.append(RuntimeSpec.Namespace(.user, path: "/proc/self/fd/\(owner)"))
                }
                _ = close(fd)
            }
            plan.usesInit = configuration.usesInit
            plan.process.terminal = configuration.tty
            self.plan = plan
            namespaces = plan.linux.namespaces
            if options.netnsDescriptor != nil {
                namespaces.removeAll { $0.kind == .network }
                namespaces.append(RuntimeSpec.Namespace(.network))
                plan.linux.namespaces.removeAll { $0.kind == .network }
            }
            container.services = LaunchServices(plan)
            isHandedOver = true
            try container.adopt(try ContainerLaunch.start(plan, streams: container.streams.childStreams))
            if configuration.oomEvents, let group = plan.cgroup { try watchMemory(group) }
        } catch {
            container.fail(RuntimeError(error))
        }
        keepForExecs()
        listen()
        apus_trim_heap()
    }

    func watchMemory(_ group: ControlGroup) throws {
        oomWatch = try OOMWatch(group, loop: loop) { [weak self] in self?.announce(["event": "oom"]) }
    }

    /// Of the bundle only what later requests need stays in memory.
    func keepForExecs() {
        plan?.spec = RuntimeSpec()
        plan?.process = RuntimeSpec.Process()
        plan?.linux = RuntimeSpec.Linux()
        plan?.rootSource = .specified
    }

    private func watchChildren() throws {
        var children = sigset_t()
        sigemptyset(&children)
        sigaddset(&children, SIGCHLD)
        sigprocmask(SIG_BLOCK, &children, nil)
        let fd = try check("signalfd") { signalfd(-1, &children, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)) }
        loop.watch(fd, .read) { [weak self] _ in
            withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { _ = read(fd, $0.baseAddress, $0.count) }
            self?.reap()
        }
    }

    private func listen() {
        // The daemon that spawned us left its end of a pair at 3; a shim started by hand may have none.
        var type: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &length) == 0 { accept(3) }
        loop.watch(listener.raw, .read) { [weak self] _ in
            guard let self else { return }
            // A client that gave up between knock and answer is nobody's concern.
            if let client = try? PacketSocket.accept(self.listener.raw) { self.accept(client.release()) }
        }
    }

    func accept(_ fd: Int32) {
        loop.cancelTimer()
        connections.append(
            ControlConnection(
                fd, loop: loop, onRequest: { [weak self] in self?.serve($0) },
                onClose: { [weak self] in self?.lost($0) }))
    }

    private func lost(_ connection: ControlConnection) {
        connections.removeAll { $0 === connection }
        leaveIfForgotten()
    }

    /// Nothing runs and nobody asks: waits a minute for a daemon, then cleans up. The exit record stays on disk.
    private func leaveIfForgotten() {
        guard connections.isEmpty, !isShutDown, !container.isRunning else { return }
        loop.after(seconds: 60) { [weak self] in
            guard let self, self.connections.isEmpty, !self.container.isRunning else { return }
            self.shutDown()
        }
    }

    func announce(_ event: JSONObject) {
        for connection in connections { connection.send(.object(event)) }
    }

    private func reap() {
        while let (pid, status) = ExitStatus.reap() {
            if pid == container.pid {
                containerExited(status)
            } else if let exec = execs.values.first(where: { $0.pid == pid && !$0.isStopped }) {
                execExited(exec, status)
            } else {
                _ = foreign?.ended(pid, status)
            }
        }
    }

    func execExited(_ exec: ShimProcess, _ status: ExitStatus) {
        exec.exited(status)
        guard case .stopped(let status, let time) = exec.state else {
            execs[exec.id] = nil
            return
        }
        announce([
            "event": "execExit", "id": .string(exec.id), "code": .int(Int64(status.code)),
            "exitedAt": .string(time.rfc3339Nano),
        ])
    }

    func containerExited(_ status: ExitStatus) {
        // Without a pid namespace of its own the container's other processes live on.
        if !namespaces.contains(where: { $0.kind == .pid && $0.path == nil }) { killAll(SIGKILL) }
        container.exited(status)
        guard case .stopped(let status, let time) = container.state else { return leaveIfForgotten() }
        let record: JSONObject = [
            "event": "exit", "code": .int(Int64(status.code)), "signal": .int(Int64(status.signal)),
            "oomKilled": .bool((plan?.cgroup?.oomKills() ?? 0) > 0), "exitedAt": .string(time.rfc3339Nano),
        ]
        exitRecord = record
        // A run folder that is gone means that the daemon has forgotten the container.
        try? TextFile.replace(options.runFolder + "/exit", with: JSONValue.object(record).serialize())
        announce(record)
        leaveIfForgotten()
    }

    func killAll(_ number: Int32) {
        for pid in plan?.cgroup?.processes() ?? [] where pid != getpid() { _ = kill(pid, number) }
    }

    /// Ends whatever still runs, removes the control group, and lets the loop end.
    func shutDown() {
        isShutDown = true
        if let foreign {
            if plan?.cgroup?.isFrozen == true { try? plan?.cgroup?.setFrozen(false) }
            foreign.callNow("delete", ["--force", configuration.id], seconds: 10)
        } else if !container.isStopped, container.pid > 0 {
            // Frozen processes die only when thawed.
            if plan?.cgroup?.isFrozen == true { try? plan?.cgroup?.setFrozen(false) }
            try? container.signal(SIGKILL)  // already gone is what we want
            // The init ends only when every process of its namespace is reaped, and executed ones are children of this process.
            while let (pid, _) = ExitStatus.reap(waiting: true), pid != container.pid {}
        }
        killAll(SIGKILL)
        oomWatch = nil
        // What cannot be removed stays for the daemon's cleanup at its next start.
        try? plan?.cgroup?.remove()
        // What a hook says at the end has nobody left to hear it.
        _ = container.services?.stopped()
        _ = unlink(options.runFolder + "/shim.sock")
    }

    /// Streams of a process executed later: never logged.
    func makeStreams(terminal: Bool, openStdin: Bool) throws -> ProcessStreams {
        try ProcessStreams(terminal: terminal, openStdin: openStdin, closesWithClient: true, log: nil, loop: loop)
    }
}
