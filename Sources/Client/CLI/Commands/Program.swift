// SPDX-License-Identifier: Apache-2.0
// From argv to an exit code: global flags, the command's name, its flags, and what is said when something is wrong.
import CBuild
import DockerClient

/// The command-line program.
package struct Program {
    private let name: String
    private let console: Console
    private var settings: Settings

    package init(name: String, environment: [String: String], console: Console) {
        self.name = name
        self.console = console
        settings = Settings(environment: environment)
    }

    static let globalFlags: [Flag] = [
        Flag("config", .string, "Location of client config files", default: nil),
        Flag(
            "context", "c", .string,
            "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set "
                + "with \"docker context use\")"),
        Flag("debug", "D", "Enable debug mode"),
        Flag("host", "H", .list, "Daemon socket to connect to"),
        Flag(
            "log-level", "l", .string, "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\")",
            default: "info"),
        Flag("tls", "Use TLS; implied by --tlsverify"),
        Flag("tlscacert", .string, "Trust certs signed only by this CA"),
        Flag("tlscert", .string, "Path to TLS certificate file"),
        Flag("tlskey", .string, "Path to TLS key file"),
        Flag("tlsverify", "Use TLS and verify the remote"),
        Flag("version", "v", "Print version information and quit"),
    ]

    /// Runs the command that `arguments` (without the program's name) ask for.
    package mutating func run(_ arguments: [String]) -> Int32 {
        let code = dispatch(arguments)
        console.flush()
        guard let failure = console.outputFailure else { return code }
        // What was asked for did not arrive where it should.
        console.err("write /dev/stdout: \(ErrnoText.text(failure))\n")
        return code == 0 ? 1 : code
    }

    private mutating func dispatch(_ arguments: [String]) -> Int32 {
        let help = HelpPage(program: name, console: console)
        let top: FlagParser.Result
        do { top = try FlagParser(Program.globalFlags, interspersed: false).parse(arguments) } catch {
            console.err(
                "\(error)\n\nUsage:  \(name) [OPTIONS] COMMAND [ARG...]\n\nRun '\(name) --help' for more information\n")
            return 125
        }
        do { try apply(top.values) } catch {
            console.err("\(error)\n")
            return 1
        }
        if top.usedShortHelp { console.err(Program.shortHelpWarning) }
        if let problem = settings.configurationProblem() { console.err("WARNING: \(problem)\n") }
        if top.values.bool("version") {
            console.line(
                "\(name == "docker" ? "Docker" : "apus") version \(Version.current), build \(BuildInformation.commit)")
            return 0
        }
        var words = top.operands
        if words.first == "help" {
            words.removeFirst()
            return self.help(words, help)
        }
        guard !top.wantsHelp, let first = words.first else {
            if top.wantsHelp, !words.isEmpty { return self.help(words, help) }
            help.overview(toError: !top.wantsHelp)
            return 0
        }
        if first == "__complete" || first == "__completeNoDesc" {
            complete(Array(words.dropFirst()), describing: first == "__complete")
            return 0
        }
        if first == "__man", words.count == 2 {
            do { try ManualPages.write(into: words[1]) } catch {
                console.err("\(error)\n")
                return 1
            }
            return 0
        }
        if let group = Catalog.group(first) {
            words.removeFirst()
            if let second = words.first, second == "help" { return self.help([first] + words.dropFirst(), help) }
            guard let second = words.first, !second.hasPrefix("-") else { return bareGroup(group, words, help) }
            guard let command = Catalog.command("\(first) \(second)") else {
                console.err(
                    "\(name): unknown command: \(name) \(first) \(second)\n\nUsage:  \(name) \(first)\n\n"
                        + "Run '\(name) \(first) --help' for more information\n")
                return 1
            }
            return execute(command, "\(first) \(second)", Array(words.dropFirst()), help)
        }
        guard let command = Catalog.command(first) else {
            console.err("\(name): unknown command: \(name) \(first)\n\nRun '\(name) --help' for more information\n")
            return 1
        }
        return execute(command, first, Array(words.dropFirst()), help)
    }

    private func bareGroup(_ group: CommandGroup, _ words: [String], _ help: HelpPage) -> Int32 {
        do {
            let asked = try FlagParser([]).parse(words)
            if asked.usedShortHelp { console.out(Program.shortHelpWarning) }
            help.group(group, toError: !asked.wantsHelp)
            return 0
        } catch {
            console.err(
                "\(error)\n\nUsage:  \(name) \(group.name)\n\nRun '\(name) \(group.name) --help' for more information\n"
            )
            return 125
        }
    }

    /// The stock client says it on standard error for its own flags, on standard output for those of a command.
    private static let shortHelpWarning = "Flag shorthand -h has been deprecated, use --help\n"

    private func help(_ words: [String], _ help: HelpPage) -> Int32 {
        let path = words.joined(separator: " ")
        if words.isEmpty {
            help.overview()
        } else if let command = Catalog.command(path) {
            help.command(command, shown(command, path))
        } else if let group = Catalog.group(path) {
            help.group(group)
        } else {
            let known = words.count > 1 && (Catalog.command(words[0]) != nil || Catalog.group(words[0]) != nil)
            console.err("unknown help topic: \(words.dropFirst(known ? 1 : 0).joined(separator: " "))\n")
            return 1
        }
        return 0
    }

    /// The path help shows: the first name of the group the command was called in.
    private func shown(_ command: Command, _ path: String) -> String {
        guard let space = path.firstIndex(of: " ") else { return path }
        return command.paths.first { $0.hasPrefix(path[...space]) } ?? path
    }

    private mutating func complete(_ words: [String], describing: Bool) {
        // The words are those of an unfinished line: its global flags say which daemon to ask.
        if words.first?.hasPrefix("-") == true,
            let line = try? FlagParser(Program.globalFlags, interspersed: false).parse(words.dropLast())
        {
            // Completion says nothing; a wrong level is told when the line is run.
            try? apply(line.values)
        }
        Completer.endAfter(seconds: 2)
        let answer = Completer(objects: CompletionObjects(settings: settings)).answer(words)
        console.out(Completer.text(answer, describing: describing))
    }

    private mutating func apply(_ values: FlagValues) throws {
        settings.endpoint.hosts = values.list("host")
        settings.endpoint.context = values.optionalString("context")
        settings.endpoint.configurationFolder = values.optionalString("config")
        settings.endpoint.tls = values.bool("tls")
        settings.endpoint.tlsVerify = values.isSet("tlsverify") ? values.bool("tlsverify") : nil
        settings.endpoint.authority = values.optionalString("tlscacert")
        settings.endpoint.certificate = values.optionalString("tlscert")
        settings.endpoint.key = values.optionalString("tlskey")
        settings.isDebug = values.bool("debug")
        let level = values.string("log-level")
        let levels = ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace", ""]
        guard levels.contains(level.lowercased()) else {
            throw CommandError("Unable to parse logging level: \(level)")
        }
    }

    private func execute(_ command: Command, _ path: String, _ arguments: [String], _ help: HelpPage) -> Int32 {
        let path = shown(command, path)
        let full = "\(name) \(path)"
        let usage = "Usage:  \(full)" + (command.usage.isEmpty ? "" : " " + command.usage)
        let parsed: FlagParser.Result
        do {
            let arguments = command.acceptsAnything ? [] : arguments
            parsed = try FlagParser(command.flags(), interspersed: command.interspersed).parse(arguments)
        } catch {
            console.err("\(error)\n\n\(usage)\n\nRun '\(full) --help' for more information\n")
            return 125
        }
        if parsed.usedShortHelp { console.out(Program.shortHelpWarning) }
        if parsed.wantsHelp {
            help.command(command, path)
            return 0
        }
        if let complaint = command.operands.complaint(parsed.operands.count) {
            console.err(
                "\(name): '\(full)' \(complaint.text)\n\n\(usage)\n\n\(complaint.hint) '\(full) --help' for more information\n"
            )
            return 1
        }
        let invocation = Invocation(
            program: name, path: path, flags: parsed.values, operands: parsed.operands, console: console,
            settings: settings)
        do { return try command.run(invocation) } catch let error as ExitError {
            if error.showsHint {
                console.err("\(name): \(error.text)\n\nRun '\(full) --help' for more information\n")
            } else if !error.text.isEmpty {
                console.err(error.text + "\n")
            }
            return error.code
        } catch {
            console.err("\(error)\n")
            return 1
        }
    }
}

/// What the program knows of its own build; `unknown` when `make build` did not make it.
package enum BuildInformation {
    package static let commit = String(cString: apus_build_commit())
    package static let time = String(cString: apus_build_time())

    package static var compiler: String {
        #if compiler(>=6.3)
            "swift6.3"
        #else
            "swift6"
        #endif
    }

    package static var architecture: String {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }
}
