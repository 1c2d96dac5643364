// SPDX-License-Identifier: Apache-2.0
// The requests of the control protocol, each answered once.
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

extension Shim {
    func serve(_ request: ShimRequest) {
        do {
            if let foreign, try serveForeign(request, foreign) { return }
            switch request.method {
            case "start": container.start(answering: request)
            case "state": request.reply(state())
            case "attach": try attach(request)
            case "exec": try exec(request)
            case "kill": try kill(request)
            case "resize": try resize(request)
            case "closeStdin":
                try process(request).streams.closeInput()
                request.reply()
            case "pause", "resume":
                try setPaused(request.method == "pause")
                request.reply()
            case "update":
                try update(request)
                request.reply()
            case "shutdown":
                shutDown()
                request.reply()
            case let method: throw RuntimeError(.invalid, "unknown request \(method)")
            }
        } catch {
            request.fail(error)
        }
    }

    /// The process a request speaks of: an exec by id, else the container's first.
    func process(_ request: ShimRequest) throws -> ShimProcess {
        let id = request.body["id"]?.string ?? ""
        if id.isEmpty || id == configuration.id { return container }
        guard let exec = execs[id] else { throw RuntimeError(.notFound, "no such exec: \(id)") }
        return exec
    }

    private func attach(_ request: ShimRequest) throws {
        let process = try process(request)
        let (input, output, error) = (request.take("stdin"), request.take("stdout"), request.take("stderr"))
        if process.isStopped {
            for fd in [input, output, error] { if let fd { _ = close(fd) } }
            // Why a process could not be made ready is the answer to `start`: until then its streams are just empty.
            if case .failed = process.state { return request.reply() }
            throw RuntimeError(.invalid, "process is not running")
        }
        process.streams.attach(input: input, output: output, error: error)
        request.reply()
    }

    private func exec(_ request: ShimRequest) throws {
        guard let id = request.body["id"]?.string, !id.isEmpty else { throw RuntimeError(.invalid, "exec needs an id") }
        guard execs[id].map(\.isStopped) ?? true else { throw RuntimeError(.invalid, "exec \(id) already runs") }
        guard container.isRunning, let plan else { throw RuntimeError(.invalid, "container is not running") }
        guard let json = request.body["process"] else { throw RuntimeError(.invalid, "exec needs a process") }
        var process = try RuntimeSpec.Process(json: json, path: "process")
        let terminal = request.body["tty"]?.bool ?? false
        process.terminal = terminal
        let (input, output, errors) = (request.take("stdin"), request.take("stdout"), request.take("stderr"))
        let streams: ProcessStreams
        let launched: LaunchedProcess
        do {
            streams = try makeStreams(
                terminal: terminal, openStdin: input != nil || request.body["openStdin"]?.bool == true)
            if let foreign {
                let exec = ShimProcess(id: id, streams: streams, waitsForStart: false, loop: loop)
                streams.attach(input: input, output: output, error: errors)
                forgetOldExecs()
                execs[id] = exec
                // The streams are taken, and the process gives the answer, also that it failed.
                do { return try execForeign(process, as: exec, foreign, answering: request) } catch {
                    return exec.fail(RuntimeError(error))
                }
            }
            launched = try ExecLaunch(
                process: process, container: container.pid, containerPidfd: container.pidfd, namespaces: namespaces,
                cgroup: plan.cgroup, seccomp: request.body["privileged"]?.bool == true ? nil : plan.seccomp,
                streams: streams.childStreams, diesWithParent: true
            ).start()
        } catch {
            for fd in [input, output, errors] { if let fd { _ = close(fd) } }
            throw error
        }
        let exec = ShimProcess(id: id, streams: streams, waitsForStart: false, loop: loop)
        streams.attach(input: input, output: output, error: errors)
        forgetOldExecs()
        execs[id] = exec
        try exec.adopt(launched)
        exec.start(answering: request)
    }

    /// Codes of finished execs are kept for a daemon that was away, but not without limit.
    private func forgetOldExecs() {
        guard execs.count >= 256 else { return }
        for (id, exec) in execs where exec.isStopped { execs[id] = nil }
    }

    private func kill(_ request: ShimRequest) throws {
        guard let number = request.body["signal"]?.int, number >= 0, number < 65 else {
            throw RuntimeError(.invalid, "kill needs a signal")
        }
        let process = try process(request)
        guard !process.isStopped else { throw RuntimeError(.notFound, "process is not running") }
        if request.body["all"]?.bool == true { killAll(Int32(number)) } else { try process.signal(Int32(number)) }
        request.reply()
    }

    private func resize(_ request: ShimRequest) throws {
        let width = UInt16(clamping: request.body["width"]?.int ?? 0)
        let height = UInt16(clamping: request.body["height"]?.int ?? 0)
        try process(request).streams.resize(width: width, height: height)
        request.reply()
    }

    private func setPaused(_ paused: Bool) throws {
        guard container.isRunning else { throw RuntimeError(.invalid, "container is not running") }
        guard let group = plan?.cgroup else { throw RuntimeError(.invalid, "the container has no control group") }
        try group.setFrozen(paused)
    }

    private func update(_ request: ShimRequest) throws {
        guard let group = plan?.cgroup else { throw RuntimeError(.invalid, "the container has no control group") }
        guard let json = request.body["resources"] else { throw RuntimeError(.invalid, "update needs resources") }
        try CgroupLimits(group).apply(try RuntimeSpec.Resources(json: json, path: "resources"), isNew: false)
    }

    private func state() -> JSONObject {
        var state = JSONObject()
        switch container.state {
        case .preparing, .ready, .starting: state["status"] = "created"
        case .running: state["status"] = plan?.cgroup?.isFrozen == true ? "paused" : "running"
        case .stopped: state["status"] = "stopped"
        case .failed(let error):
            state["status"] = "stopped"
            state["error"] = .string(error.message)
            state["kind"] = .string(error.kind.rawValue)
        }
        state["pid"] = .int(Int64(container.pid))
        if !container.startedAt.isZero { state["startedAt"] = .string(container.startedAt.rfc3339Nano) }
        if let exitRecord { state["exit"] = .object(exitRecord) }
        state["execs"] = .array(
            execs.values.map { exec in
                var entry: JSONObject = [
                    "id": .string(exec.id), "pid": .int(Int64(exec.pid)), "running": .bool(!exec.isStopped),
                ]
                if case .stopped(let status, let time) = exec.state {
                    entry["code"] = .int(Int64(status.code))
                    entry["exitedAt"] = .string(time.rfc3339Nano)
                }
                return .object(entry)
            })
        return state
    }
}
