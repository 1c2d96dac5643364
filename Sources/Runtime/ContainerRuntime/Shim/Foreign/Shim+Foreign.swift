// SPDX-License-Identifier: Apache-2.0
// A container made by another runtime: the shim keeps its streams, its log and its end, and has the runtime do the rest.
import CLinux
import Glibc
import JSON
import Linux
import OCI

extension Shim {
    /// Mounts the root, completes the bundle and calls `create`. How that went is known later.
    func launchForeign(_ foreign: ForeignRuntime) throws {
        var plan = try ContainerPlan(
            id: configuration.id, bundle: options.bundle, seccompCache: nil, compilesFilter: false)
        plan.rootSource = configuration.root
        self.plan = plan
        namespaces = plan.linux.namespaces
        // The container's processes must become children of this one when the runtime leaves them.
        try check("prctl(PR_SET_CHILD_SUBREAPER)") { apus_prctl(36, 1, 0, 0, 0) }
        let bundle = ForeignBundle(plan: plan, configuration: configuration, options: options)
        try bundle.mountRoot()
        let kept = try bundle.complete()
        let process = container
        let console = try consoleSocket(for: process, foreign)
        let pidFile = foreign.fileName("pid")
        let arguments = ["--bundle", options.bundle, "--pid-file", pidFile]
        process.word = { [weak self] in self?.startForeign(foreign) }
        foreign.call(
            "create", arguments + Self.console(console) + [configuration.id], streams: process.streams.childStreams
        ) { [weak self] error in
            for fd in kept { _ = close(fd) }
            console?.finish()
            guard let self else { return }
            self.created(error, pidFile: pidFile, foreign)
        }
        process.streams.closeChildEnds()
    }

    private func created(_ error: RuntimeError?, pidFile: String, _ foreign: ForeignRuntime) {
        do {
            if let error { throw error }
            let pid = try ForeignRuntime.pid(file: pidFile)
            if configuration.oomEvents, let group = plan?.cgroup { try watchMemory(group) }
            container.adopt(pid: pid)
            if let status = foreign.takeEnd(of: pid) { containerExited(status) }
        } catch {
            container.fail(RuntimeError(error))
        }
        keepForExecs()
        apus_trim_heap()
    }

    private func startForeign(_ foreign: ForeignRuntime) {
        foreign.call("start", [configuration.id]) { [weak self] error in
            guard let container = self?.container else { return }
            if let error { container.giveUp(error) } else { container.hasStarted() }
        }
    }

    private func consoleSocket(for process: ShimProcess, _ foreign: ForeignRuntime) throws -> ConsoleSocket? {
        guard process.streams.isTerminal else { return nil }
        let name = String(foreign.fileName("tty").dropFirst(options.runFolder.count + 1))
        return try ConsoleSocket(folder: options.runFolder, name: name, loop: loop) { [weak process] master in
            process?.streams.adopt(master: master)
        }
    }

    private static func console(_ socket: ConsoleSocket?) -> [String] {
        socket.map { ["--console-socket", $0.path] } ?? []
    }

    // MARK: Requests

    /// Answers what the runtime must do; false leaves the request to the shim's own ways.
    func serveForeign(_ request: ShimRequest, _ foreign: ForeignRuntime) throws -> Bool {
        let answer: ForeignRuntime.Completion = { error in
            if let error { request.fail(error) } else { request.reply() }
        }
        let id = configuration.id
        switch request.method {
        case "pause", "resume":
            guard container.isRunning else { throw RuntimeError(.invalid, "container is not running") }
            foreign.call(request.method, [id], then: answer)
        case "update":
            guard let resources = request.body["resources"] else {
                throw RuntimeError(.invalid, "update needs resources")
            }
            let file = foreign.fileName("resources")
            try TextFile.replace(file, with: resources.serialize())
            foreign.call("update", ["--resources", file, id]) { error in
                _ = unlink(file)
                answer(error)
            }
        case "kill":
            let process = try process(request)
            guard process === container, let number = request.body["signal"]?.int, (1..<65).contains(number) else {
                return false
            }
            guard !process.isStopped else { throw RuntimeError(.notFound, "process is not running") }
            let all = request.body["all"]?.bool == true ? ["--all"] : []
            foreign.call("kill", all + [id, String(number)], then: answer)
        default: return false
        }
        return true
    }

    /// `exec`: the runtime makes the process and leaves it to this one.
    func execForeign(
        _ process: RuntimeSpec.Process, as exec: ShimProcess, _ foreign: ForeignRuntime, answering request: ShimRequest
    ) throws {
        exec.start(answering: request)
        let file = foreign.fileName("process")
        try TextFile.replace(file, with: process.json.serialize())
        let console = try consoleSocket(for: exec, foreign)
        let pidFile = foreign.fileName("pid")
        foreign.call(
            "exec",
            ["--detach", "--process", file, "--pid-file", pidFile] + Self.console(console) + [configuration.id],
            streams: exec.streams.childStreams
        ) { [weak self] error in
            _ = unlink(file)
            console?.finish()
            do {
                if let error { throw error }
                let pid = try ForeignRuntime.pid(file: pidFile)
                exec.adopt(pid: pid)
                if let status = foreign.takeEnd(of: pid) { self?.execExited(exec, status) }
            } catch {
                exec.fail(RuntimeError(error))
            }
        }
        exec.streams.closeChildEnds()
    }
}
