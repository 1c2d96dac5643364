// SPDX-License-Identifier: Apache-2.0
// Answers `apus __complete WORDS...`: what the last, unfinished word may become, in the protocol of the stock client.
import Glibc

/// Candidates for one command line. Never says anything on stderr: the user is in the middle of typing.
struct Completer {
    /// What the shell does besides showing candidates; the numbers are cobra's.
    enum Directive: Int { case error = 1, files = 0, noFiles = 4 }

    struct Answer: Equatable {
        var candidates: [(name: String, help: String)] = []
        var directive = Directive.noFiles

        static func == (left: Answer, right: Answer) -> Bool {
            left.directive == right.directive && left.candidates.elementsEqual(right.candidates, by: ==)
        }

        /// Only names, without descriptions.
        static func names(_ names: [String]) -> Answer { Answer(candidates: names.map { ($0, "") }) }
        static let files = Answer(directive: .files)
    }

    let objects: CompletionObjects

    /// The candidates for `words`, whose last one is unfinished (perhaps empty), filtered by what is typed.
    func answer(_ words: [String]) -> Answer {
        var typed = words.last ?? ""
        var place = Place()
        for word in words.dropLast() { place.take(word) }
        var answer: Answer
        if let flag = place.pending {
            answer = value(of: flag, place)
        } else if place.takesFlags, typed.hasPrefix("-") {
            if let equals = typed.firstIndex(of: "="), typed.hasPrefix("--") {
                guard let flag = place.flags.first(where: { "--" + $0.name == typed[..<equals] }) else {
                    return Answer()
                }
                typed = String(typed[typed.index(after: equals)...])
                answer = value(of: flag, place)
            } else {
                answer = Answer(candidates: flags(place.flags))
            }
        } else if place.isUnknown {
            return Answer(directive: .noFiles)
        } else if let command = place.command {
            answer = operands(command, place.operands)
        } else {
            answer = Answer(candidates: verbs(place.group))
        }
        answer.candidates = answer.candidates.filter { $0.name.hasPrefix(typed) }
        return answer
    }

    /// One candidate a line, with a tab before its description; last the directive.
    static func text(_ answer: Answer, describing: Bool) -> String {
        answer.candidates.map { describing && !$0.help.isEmpty ? "\($0.name)\t\($0.help)\n" : $0.name + "\n" }.joined()
            + ":\(answer.directive.rawValue)\n"
    }

    /// Ends the process after `seconds` as if nothing had been found: a daemon that hangs must not hang the shell.
    static func endAfter(seconds: UInt32) {
        signal(SIGALRM) { _ in
            _ = write(1, ":4\n", 3)
            _exit(0)
        }
        alarm(seconds)
    }

    private func flags(_ flags: [Flag]) -> [(name: String, help: String)] {
        var result: [(name: String, help: String)] = []
        for flag in flags.sorted(by: { $0.name < $1.name }) where !flag.isHidden {
            let help = String(flag.help.prefix { $0 != "\n" })
            result.append(("--" + flag.name, help))
            if let short = flag.short { result.append(("-\(short)", help)) }
        }
        return result + [("--help", "Print usage")]
    }

    private func verbs(_ group: String?) -> [(name: String, help: String)] {
        var result = Catalog.members(of: group).map { (name: $0.name, help: $0.command.summary) }
        if group == nil { result += Catalog.groups.map { (name: $0.name, help: $0.summary) } }
        return result.sorted { $0.name < $1.name }
    }

    private func operands(_ command: Command, _ given: [String]) -> Answer {
        let isFirst = given.isEmpty
        func fresh(_ names: [String]) -> Answer { .names(names.filter { !given.contains($0) }) }
        switch command.paths[0] {
        case "container run", "container create": return isFirst ? .names(objects.images()) : .files
        case "container exec": return isFirst ? .names(objects.containers(["running"])) : .files
        case "container start": return fresh(objects.containers(["created", "exited"]))
        case "container stop", "container kill", "container pause": return fresh(objects.containers(["running"]))
        case "container unpause": return fresh(objects.containers(["paused"]))
        case "container restart", "container rm", "container update", "container wait", "container inspect":
            return fresh(objects.containers())
        case "container attach", "container top": return isFirst ? .names(objects.containers(["running"])) : Answer()
        case "container logs", "container port", "container rename":
            return isFirst ? .names(objects.containers()) : Answer()
        case "image push", "image tag", "image history": return isFirst ? .names(objects.images()) : Answer()
        case "image rm", "image save", "image inspect": return fresh(objects.images())
        case "image import": return isFirst ? .files : Answer()
        case "network rm", "network inspect": return fresh(objects.networks())
        case "network connect", "network disconnect":
            return given.count == 1 ? .names(objects.containers()) : isFirst ? .names(objects.networks()) : Answer()
        case "volume rm", "volume inspect": return fresh(objects.volumes())
        case "inspect":
            return fresh(objects.containers() + objects.images() + objects.networks() + objects.volumes())
        case "completion": return isFirst ? .names(CompletionScripts.shells) : Answer()
        default: return Answer()
        }
    }

    private func value(of flag: Flag, _ place: Place) -> Answer {
        switch flag.aliasOf ?? flag.name {
        case "network": .names(objects.networks())
        case "volumes-from", "link": .names(objects.containers())
        case "restart": .names(["always", "no", "on-failure", "unless-stopped"])
        case "pull": .names(["always", "missing", "never"])
        case "signal", "stop-signal": .names(["HUP", "INT", "KILL", "QUIT", "STOP", "TERM", "USR1", "USR2"])
        case "log-driver": .names(["json-file", "none"])
        case "log-level": .names(["debug", "info", "warn", "error", "fatal"])
        case "attach": .names(["stderr", "stdin", "stdout"])
        case "cgroupns", "uts", "userns": .names(["host"])
        case "ipc": .names(["host", "none", "private", "shareable"])
        case "type": .names(["container", "image", "network", "volume"])
        case "format": .names(["json"])
        case "config", "tlscacert", "tlscert", "tlskey", "env-file", "label-file", "cidfile", "input", "output",
            "volume",
            "workdir", "device", "config-from":
            .files
        default: Answer()
        }
    }
}

/// Where in a command line the unfinished word stands.
private struct Place {
    var flags = Program.globalFlags
    var group: String?
    var command: Command?
    var operands: [String] = []
    /// A flag whose value is next.
    var pending: Flag?
    var takesFlags = true
    /// A word that names no command came before.
    var isUnknown = false

    mutating func take(_ word: String) {
        if pending != nil {
            pending = nil
        } else if takesFlags, word == "--" {
            takesFlags = false
        } else if takesFlags, word.hasPrefix("-"), word != "-" {
            pending = flagWaiting(word)
        } else if let command {
            operands.append(word)
            if !command.interspersed { takesFlags = false }
        } else if group == nil, let found = Catalog.group(word) {
            group = found.name
            flags = []
        } else if let found = Catalog.command(group.map { "\($0) \(word)" } ?? word) {
            command = found
            flags = found.flags()
        } else {
            isUnknown = true
        }
    }

    /// The flag of `word` when its value is the next word: `--name`, `-itp`.
    private func flagWaiting(_ word: String) -> Flag? {
        if word.hasPrefix("--") {
            return flags.first { "--" + $0.name == word && $0.kind != .bool }
        }
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let flag = flags.first(where: { $0.short == letter }) else { return nil }
            if flag.kind != .bool { return letters.isEmpty ? flag : nil }
        }
        return nil
    }
}
