// SPDX-License-Identifier: Apache-2.0
// The command line of OCI runtimes, as runc has it: https://github.com/opencontainers/runc/blob/main/man/runc.8.md
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

/// One call: global flags, a command, its flags and operands.
struct OCICommand {
    static let version = "0.1.0"

    /// The name this program was called by; callers look for it in messages.
    let program: String
    let root: String
    /// `--root` was given; else nothing need be there yet.
    let hasRoot: Bool
    let log: CommandLog
    let syntax: CommandSyntax
    let arguments: CommandArguments
    var name: String { syntax.name }

    static func run(_ arguments: [String], all: [String]) throws -> Int32 {
        let program = all.first?.split(separator: "/").last.map(String.init) ?? "apus-runtime"
        let log: CommandLog
        let command: OCICommand
        do {
            let flags = CommandSyntax.global
            let global = try CommandArguments(
                arguments[...], taking: Set(flags.filter(\.takesValue).map(\.name)),
                plain: Set(flags.filter { !$0.takesValue }.map(\.name)), short: ["v": "version", "h": "help"])
            log = try CommandLog(path: global["log"], format: global["log-format"], isDebug: global.has("debug"))
            do {
                guard let made = try Self.command(global, program: program, log: log) else { return 0 }
                command = made
            } catch {
                log.error("\(error)")
                return 1
            }
        } catch {
            let line = "Incorrect Usage: \(error)\n"
            _ = write(2, line, line.utf8.count)
            return 1
        }
        if ["create", "run", "exec"].contains(command.name) { try SelfProtection.ensure(arguments: all) }
        do { return try command.perform() } catch {
            let failure = RuntimeError(error)
            let doing = ["create", "run", "exec", "restore"].contains(command.name)
            let prefix = command.name == "exec" ? "exec failed: " : "\(program) \(command.name) failed: "
            log.error((doing ? prefix : "") + failure.message)
            return command.name == "exec" ? 255 : 1
        }
    }

    /// Nil when help or version was all that was wanted.
    private static func command(_ global: CommandArguments, program: String, log: CommandLog) throws -> OCICommand? {
        if global.has("version") {
            print("\(program) version \(version)\ncommit: apus\nspec: \(RuntimeSpec.newest)")
            return nil
        }
        guard let name = global.operands.first, !global.has("help"), name != "help" else {
            print(help(program: program))
            return nil
        }
        guard let syntax = CommandSyntax.all.first(where: { $0.name == name }) else {
            throw RuntimeError(.invalid, "No help topic for '\(name)'")
        }
        let arguments: CommandArguments
        do { arguments = try syntax.parse(global.operands.dropFirst()) } catch {
            print("Incorrect Usage.\n\n\(syntax.help(program: program))")
            throw RuntimeError(.invalid, "\(program): \(error)")
        }
        if arguments.has("help") {
            print(syntax.help(program: program))
            return nil
        }
        if global.has("systemd-cgroup") && !TextFile.exists("/run/systemd/system") {
            throw RuntimeError(.invalid, "systemd cgroup flag passed, but systemd is not running on this host")
        }
        if global.has("systemd-cgroup") {
            throw RuntimeError(.invalid, "the systemd cgroup driver is not supported yet")
        }
        guard ["true", "false", "auto"].contains(global["rootless"] ?? "auto") else {
            throw RuntimeError(.invalid, "invalid value for --rootless: \(global["rootless"] ?? "")")
        }
        let root = global["root"] ?? "/run/apus-runtime"
        return OCICommand(
            program: program, root: root.hasPrefix("/") ? root : workingFolder + "/" + root,
            hasRoot: global["root"] != nil, log: log, syntax: syntax, arguments: arguments)
    }

    private static func help(program: String) -> String {
        var lines = ["NAME:", "   \(program) - Open Container Initiative runtime", "", "USAGE:"]
        lines += ["   \(program) [global options] command [command options] [arguments...]", "", "COMMANDS:"]
        let width = CommandSyntax.all.map(\.name.count).max() ?? 0
        for syntax in CommandSyntax.all {
            lines.append(
                "   \(syntax.name)\(String(repeating: " ", count: width - syntax.name.count))  \(syntax.summary)")
        }
        lines += ["", "GLOBAL OPTIONS:"] + CommandSyntax.lines(CommandSyntax.global)
        return lines.joined(separator: "\n")
    }

    private static var workingFolder: String {
        guard let name = getcwd(nil, 0) else { return "" }
        defer { free(name) }
        return String(cString: name)
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
        case "events": try events()
        case "spec": try spec()
        case "features": features()
        default: throw RuntimeError(.invalid, Self.noCheckpoint(name))
        }
        return 0
    }

    private static func noCheckpoint(_ name: String) -> String {
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return folders.contains { TextFile.exists($0 + "/criu") }
            ? "\(name) is not supported yet" : "\(name) needs criu, and criu is not installed on this host"
    }

    func saved() throws -> SavedContainer {
        guard let id = arguments.operands.first, !id.isEmpty else {
            throw RuntimeError(.invalid, "container id cannot be empty")
        }
        return try SavedContainer.load(root: root, id: id)
    }
}
