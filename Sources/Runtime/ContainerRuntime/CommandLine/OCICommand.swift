// SPDX-License-Identifier: Apache-2.0
// The command line of OCI runtimes: https://github.com/opencontainers/runtime-tools/blob/master/docs/command-line-interface.md
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

/// One call: global flags, a command, its flags and operands.
struct OCICommand {
    static let version = "0.1.0"

    let root: String
    let log: String?
    let name: String
    let arguments: ArraySlice<String>

    static func run(_ arguments: [String], all: [String]) throws -> Int32 {
        let global = try CommandArguments(
            arguments[...], taking: ["root", "log", "log-format", "rootless"],
            plain: ["debug", "version", "help", "systemd-cgroup"], short: ["v": "version", "h": "help"])
        if global.has("version") {
            print("apus-runtime version \(version)\nspec: \(RuntimeSpec.version)")
            return 0
        }
        if global.has("systemd-cgroup") {
            throw RuntimeError(.invalid, "the systemd cgroup driver is not supported yet")
        }
        guard let name = global.operands.first, !global.has("help") else {
            print(usage)
            return global.has("help") ? 0 : 1
        }
        let command = OCICommand(
            root: global["root"] ?? "/run/apus-runtime", log: global["log"], name: name,
            arguments: global.operands.dropFirst())
        if ["create", "run", "exec"].contains(name) { try SelfProtection.ensure(arguments: all) }
        do { return try command.perform() } catch {
            command.record(RuntimeError(error))
            throw error
        }
    }

    private static let usage = """
        apus-runtime [--root DIR] [--log FILE] COMMAND
        commands: create start run state kill delete exec list ps pause resume update spec features shim
        """

    /// containerd and others read the reason of a failure from the log.
    private func record(_ error: RuntimeError) {
        guard let log else { return }
        let line: JSONValue = [
            "level": "error", "msg": .string(error.message), "time": .string(Timestamp.now().rfc3339Nano),
        ]
        // Stderr has it too.
        guard let file = try? OwnedFD.open(log, O_WRONLY | O_CREAT | O_APPEND, mode: 0o640) else { return }
        _ = try? TextFile.write(line.text() + "\n", to: file.raw, name: log)
    }

    private func perform() throws -> Int32 {
        switch name {
        case "create": try create()
        case "run": return try runForeground()
        case "exec": return try exec()
        case "start": try start()
        case "state": try state()
        case "kill": try kill()
        case "delete": try delete()
        case "list": try list()
        case "ps": try ps()
        case "pause", "resume": try freeze()
        case "update": try update()
        case "spec": try spec()
        case "features": features()
        default: throw RuntimeError(.invalid, "unknown command \"\(name)\"")
        }
        return 0
    }

    func parse(taking: Set<String> = [], plain: Set<String> = [], short: [String: String] = [:]) throws
        -> CommandArguments
    {
        try CommandArguments(arguments, taking: taking, plain: plain, short: short)
    }

    func saved(_ arguments: CommandArguments) throws -> SavedContainer {
        guard let id = arguments.operands.first else { throw RuntimeError(.invalid, "\(name) requires a container id") }
        return try SavedContainer.load(root: root, id: id)
    }

    private func start() throws {
        let container = try saved(try parse())
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
    }

    private func state() throws {
        let container = try saved(try parse())
        print(try description(container).text(indent: 2))
    }

    private func description(_ container: SavedContainer) throws -> JSONValue {
        let status = container.status()
        var json: JSONObject = [
            "ociVersion": .string(RuntimeSpec.version), "id": .string(container.id),
            "pid": .int(status == "stopped" ? 0 : Int64(container.pid)), "status": .string(status),
            "bundle": .string(container.bundle), "rootfs": .string(try container.plan().rootPath),
            "created": .string(container.created), "owner": "",
        ]
        let annotations = try container.plan().spec.annotations
        json["annotations"] = .object(JSONObject(annotations.pairs.map { ($0.key, .string($0.value)) }))
        return .object(json)
    }

    private func kill() throws {
        let arguments = try parse(plain: ["all"], short: ["a": "all"])
        let container = try saved(arguments)
        let number = try Self.signal(arguments.operands.count > 1 ? arguments.operands[1] : "SIGTERM")
        guard arguments.has("all"), let group = try container.plan().cgroup else { return try container.signal(number) }
        for pid in group.processes() { _ = Glibc.kill(pid, number) }
    }

    static func signal(_ text: String) throws -> Int32 {
        if let number = Int32(text), number > 0, number < 65 { return number }
        let names = [
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
            "TERM",
            "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
            "IO",
            "PWR", "SYS",
        ]
        let upper = text.uppercased()
        guard let index = names.firstIndex(of: upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper) else {
            throw RuntimeError(.invalid, "unknown signal \"\(text)\"")
        }
        return Int32(index + 1)
    }

    private func delete() throws {
        let arguments = try parse(plain: ["force"], short: ["f": "force"])
        let container: SavedContainer
        do { container = try saved(arguments) } catch let error as RuntimeError {
            if arguments.has("force") && error.kind == .notFound { return }
            throw error
        }
        let group = try container.plan().cgroup
        if container.isAlive {
            let status = container.status()
            guard arguments.has("force") || status == "created" else {
                throw RuntimeError(.invalid, "cannot delete container \(container.id) that is not stopped: \(status)")
            }
            if group?.isFrozen == true { try group?.setFrozen(false) }
            try container.signal(SIGKILL)
            for _ in 0..<1000 where container.isAlive { usleep(1000) }
        }
        for pid in group?.processes() ?? [] { _ = Glibc.kill(pid, SIGKILL) }
        try group?.remove()
        container.removeFolder()
    }

    private func list() throws {
        let arguments = try parse(taking: ["format"], plain: ["quiet"], short: ["f": "format", "q": "quiet"])
        var found: [SavedContainer] = []
        if let stream = opendir(root) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                // Folders that hold no container are not ours to complain about.
                if let container = try? SavedContainer.load(root: root, id: name) { found.append(container) }
            }
        }
        found.sort { $0.id < $1.id }
        if arguments.has("quiet") { return found.forEach { print($0.id) } }
        if arguments["format"] == "json" { return print(JSONValue.array(try found.map(description)).text()) }
        print("ID          PID         STATUS      BUNDLE          CREATED")
        for container in found {
            let status = container.status()
            print(
                "\(container.id)   \(status == "stopped" ? 0 : container.pid)   \(status)   \(container.bundle)   \(container.created)"
            )
        }
    }

    private func ps() throws {
        let arguments = try parse(taking: ["format"], short: ["f": "format"])
        guard let group = try saved(arguments).plan().cgroup else {
            throw RuntimeError(.invalid, "the container has no control group")
        }
        guard arguments["format"] == "json" else {
            throw RuntimeError(.invalid, "ps without --format json is not supported yet")
        }
        print(JSONValue.array(group.processes().map { .int(Int64($0)) }).text())
    }

    private func freeze() throws {
        let container = try saved(try parse())
        guard let group = try container.plan().cgroup, container.isAlive else {
            throw RuntimeError(.invalid, "container not running")
        }
        try group.setFrozen(name == "pause")
    }

    private func update() throws {
        let arguments = try parse(taking: ["resources"], short: ["r": "resources"])
        guard let path = arguments["resources"] else {
            throw RuntimeError(.invalid, "update without --resources is not supported yet")
        }
        guard let group = try saved(arguments).plan().cgroup else {
            throw RuntimeError(.invalid, "the container has no control group")
        }
        let json = try JSONValue.parse(try TextFile.bytes(path == "-" ? "/dev/stdin" : path))
        try CgroupLimits(group).apply(try RuntimeSpec.Resources(json: json, path: "resources"), isNew: false)
    }
}
