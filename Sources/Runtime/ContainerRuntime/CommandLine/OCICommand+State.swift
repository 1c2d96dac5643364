// SPDX-License-Identifier: Apache-2.0
// start, state, list, ps, kill, delete, pause and resume: the commands about a container that exists.
import CLinux
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    func start() throws {
        let container = try saved()
        switch container.status() {
        case "created": break
        case "stopped": throw RuntimeError(.invalid, "cannot start a container that has stopped")
        default: throw RuntimeError(.invalid, "cannot start an already running container")
        }
        let path = container.folder + "/exec.fifo"
        let fifo = try OwnedFD.open(path, O_RDONLY | O_NONBLOCK)
        var watched = pollfd(fd: fifo.raw, events: Int16(POLLIN), revents: 0)
        while poll(&watched, 1, 100) <= 0 {
            guard container.isAlive else { throw RuntimeError(.internalError, "container process is already dead") }
        }
        try check("unlink") { unlink(path) }
        let plan = try container.plan()
        do { try LaunchServices(plan, bundle: container.bundle).started(pid: container.pid) } catch {
            try? container.signal(SIGKILL)  // the failure of the hook is what the caller needs to know
            throw error
        }
    }

    func state() throws {
        print(try description(try saved()).text(indent: 2))
    }

    private func description(_ container: SavedContainer) throws -> JSONValue {
        let status = container.status()
        let plan = try container.plan()
        var json: JSONObject = [
            "ociVersion": .string(plan.spec.ociVersion), "id": .string(container.id),
            "pid": .int(status == "stopped" ? 0 : Int64(container.pid)), "status": .string(status),
            "bundle": .string(container.bundle), "rootfs": .string(plan.rootPath),
            "created": .string(container.created),
        ]
        if !plan.spec.annotations.isEmpty {
            json["annotations"] = .object(JSONObject(plan.spec.annotations.pairs.map { ($0.key, .string($0.value)) }))
        }
        json["owner"] = ""
        return .object(json)
    }

    func list() throws {
        var found: [SavedContainer] = []
        if let stream = opendir(root) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasPrefix(".") { continue }
                // One that is being made or removed right now is no container to tell about.
                if let container = try? SavedContainer.load(root: root, id: name) { found.append(container) }
            }
        } else if hasRoot || errno != ENOENT {
            throw Errno(call: "open \(root)")
        }
        found.sort { $0.id < $1.id }
        if arguments.has("quiet") { return found.forEach { print($0.id) } }
        switch arguments["format"] ?? "table" {
        case "json": print(JSONValue.array(try found.map(description)).text())
        case "table":
            let rows = found.map { container in
                let status = container.status()
                return [
                    container.id, String(status == "stopped" ? 0 : container.pid), status, container.bundle,
                    container.created, "root",
                ]
            }
            Self.printTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows)
        default: throw RuntimeError(.invalid, "invalid format option")
        }
    }

    private static func printTable(_ rows: [[String]]) {
        let widths = (rows.first ?? []).indices.map { column in max(11, rows.map { $0[column].count }.max() ?? 0) + 1 }
        for row in rows {
            var line = ""
            for (column, text) in row.enumerated() {
                line += text
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - text.count) }
            }
            print(line)
        }
    }

    func ps() throws {
        let container = try saved()
        guard let group = try container.plan().cgroup else {
            throw RuntimeError(.invalid, "the container has no control group")
        }
        let pids = group.processes()
        switch arguments["format"] ?? "table" {
        case "json": return print(JSONValue.array(pids.map { .int(Int64($0)) }).text())
        case "table": break
        default: throw RuntimeError(.invalid, "invalid format option")
        }
        let options = arguments.operands.count > 1 ? Array(arguments.operands.dropFirst()) : ["-ef"]
        let result = try ChildProgram.run("ps", ["ps"] + options, limit: 64 << 20)
        let lines = result.output.split(separator: "\n")
        guard let title = lines.first else {
            throw RuntimeError(.internalError, "ps: \(result.errors)")
        }
        guard let column = title.split(separator: " ").firstIndex(of: "PID") else {
            throw RuntimeError(.internalError, "couldn't find PID field in ps output")
        }
        print(title)
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            if fields.count > column, let pid = Int32(fields[column]), pids.contains(pid) { print(line) }
        }
    }

    func kill() throws {
        let container = try saved()
        let number = try Self.signal(arguments.operands.count > 1 ? arguments.operands[1] : "SIGTERM")
        let plan = try container.plan()
        let shared = plan.linux.namespace(.pid) == nil || plan.linux.namespace(.pid)?.path != nil
        if arguments.has("all") || shared {
            let pids = plan.cgroup?.processes() ?? []
            if !container.isAlive, pids.isEmpty || !arguments.has("all") && !shared {
                // With --all a container that has stopped is no failure.
                if arguments.has("all") { return }
                throw RuntimeError(.notFound, "container not running")
            }
            if arguments.has("all") || number == SIGKILL {
                for pid in pids { _ = Glibc.kill(pid, number) }
                if number == SIGKILL, plan.cgroup?.isFrozen == true { try plan.cgroup?.setFrozen(false) }
                return
            }
        }
        try container.signal(number)
        // On cgroup v1 frozen processes die only when thawed.
        if number == SIGKILL, plan.cgroup?.isFrozen == true { try plan.cgroup?.setFrozen(false) }
    }

    static func signal(_ text: String) throws -> Int32 {
        if let number = Int32(text), number >= 0, number < 65 { return number }
        let names = [
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
            "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
            "WINCH", "IO", "PWR", "SYS",
        ]
        let upper = text.uppercased()
        let short = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let index = names.firstIndex(of: short) { return Int32(index + 1) }
        // RTMIN is what glibc leaves of the realtime signals.
        for (word, base) in [("RTMIN", Int32(34)), ("RTMAX", Int32(64))] where short.hasPrefix(word) {
            let rest = short.dropFirst(5)
            if let offset = rest.isEmpty ? 0 : Int32(rest), base + offset >= 34, base + offset < 65 {
                return base + offset
            }
        }
        throw RuntimeError(.invalid, "unknown signal \"\(text)\"")
    }

    func delete() throws {
        let container: SavedContainer
        do { container = try saved() } catch let error as RuntimeError {
            if arguments.has("force") && error.kind == .notFound { return }
            throw error
        }
        let plan = try container.plan()
        if container.isAlive {
            let status = container.status()
            guard arguments.has("force") || status == "created" else {
                throw RuntimeError(.invalid, "cannot delete container \(container.id) that is not stopped: \(status)")
            }
            try? container.signal(SIGKILL)  // it may end by itself meanwhile
            if plan.cgroup?.isFrozen == true { try plan.cgroup?.setFrozen(false) }
            for _ in 0..<10_000 where container.isAlive { usleep(1000) }
            guard !container.isAlive else { throw RuntimeError(.internalError, "container init still running") }
        }
        try destroy(container, plan)
    }

    /// Ends what is left in the control group, removes it and the record, and runs the hooks.
    func destroy(_ container: SavedContainer, _ plan: ContainerPlan) throws {
        if let group = plan.cgroup {
            for pid in group.processes() { _ = Glibc.kill(pid, SIGKILL) }
            if group.isFrozen { try group.setFrozen(false) }
            try group.remove()
        }
        container.removeFolder()
        for warning in LaunchServices(plan, bundle: container.bundle).stopped() { log.warn(warning) }
    }

    func freeze() throws {
        let container = try saved()
        let status = container.status()
        guard let group = try container.plan().cgroup, status != "stopped" else {
            throw RuntimeError(.invalid, "container not running")
        }
        if name == "resume", status != "paused" { throw RuntimeError(.invalid, "container not paused") }
        if name == "pause", status == "paused" { return }
        try group.setFrozen(name == "pause")
    }
}
