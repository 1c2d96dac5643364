// SPDX-License-Identifier: Apache-2.0
// man(7) pages of the client, from the tables the parser and the help pages read. `apus __man FOLDER` writes them.
import DockerClient
import Glibc

/// `apus.1`, one page per command, and for each further name of a command a page that points to it.
package enum ManualPages {
    /// File names and their contents.
    package static func all() -> [(name: String, text: String)] {
        var pages = [("apus.1", program())]
        for group in Catalog.groups { pages.append(("apus-\(group.name).1", self.group(group))) }
        for command in Catalog.commands where !command.acceptsAnything && !command.isHidden {
            let names = command.paths.map { fileName($0) }
            pages.append((names[0], page(command)))
            pages += names.dropFirst().map { ($0, ".so man1/\(names[0])\n") }
        }
        return pages
    }

    /// Writes all pages into a folder that exists.
    static func write(into folder: String) throws {
        for page in all() {
            let path = folder + "/" + page.name
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw CommandError("open \(path): \(ErrnoText.current)") }
            defer { close(descriptor) }
            guard Console.write(Array(page.text.utf8), to: descriptor) else {
                throw CommandError("write \(path): \(ErrnoText.current)")
            }
        }
    }

    private static func fileName(_ path: String) -> String { "apus-" + Text.replacing(path, " ", with: "-") + ".1" }

    // MARK: Pages

    private static func page(_ command: Command) -> String {
        let path = command.paths[0]
        var text = head("apus-" + Text.replacing(path, " ", with: "-"), command.summary)
        text += ".SH SYNOPSIS\n"
        for path in command.paths { text += bold("apus \(path)") + " " + plain(command.usage) + "\n.br\n" }
        let description = command.description ?? command.summary
        text += ".SH DESCRIPTION\n" + paragraph(description.hasSuffix(".") ? description : description + ".")
        let flags = options(command.flags())
        if !flags.isEmpty { text += ".SH OPTIONS\n" + flags }
        return text + ".SH SEE ALSO\n.BR apus (1)\n"
    }

    private static func group(_ group: CommandGroup) -> String {
        head("apus-\(group.name)", group.summary) + ".SH SYNOPSIS\n" + bold("apus \(group.name)") + " COMMAND\n"
            + ".SH COMMANDS\n" + list(Catalog.members(of: group.name), prefix: group.name + " ")
            + ".SH SEE ALSO\n.BR apus (1)\n"
    }

    private static func program() -> String {
        head("apus", "A self-sufficient runtime for containers")
            + ".SH SYNOPSIS\n" + bold("apus") + " [OPTIONS] COMMAND [ARG...]\n"
            + ".SH DESCRIPTION\n"
            + paragraph(
                "The command line client of apusd(8). It speaks the Docker Engine API, so that it drives a dockerd too; "
                    + "called by the name docker it says docker in its messages.")
            + ".SH OPTIONS\n" + options(Program.globalFlags)
            + ".SH COMMANDS\n" + list(Catalog.members(of: nil), prefix: "")
            + Catalog.groups.map { entry(bold("apus-\($0.name)") + "(1)", $0.summary) }.joined()
            + ".SH ENVIRONMENT\n" + environment.map { entry(bold($0.0), $0.1) }.joined()
            + ".SH FILES\n" + files.map { entry(italic($0.0), $0.1) }.joined()
            + ".SH EXIT STATUS\n" + status.map { entry(bold($0.0), $0.1) }.joined()
            + ".SH SEE ALSO\n.BR apusd (8),\n.BR apus-runtime (8)\n"
    }

    private static let environment = [
        ("DOCKER_HOST", "The daemon: unix://PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT][/PATH]."),
        ("DOCKER_CONTEXT", "The context to use; DOCKER_HOST, --host and --context go before it."),
        ("DOCKER_CONFIG", "The folder of config.json and of the contexts, $HOME/.docker when unset."),
        ("DOCKER_API_VERSION", "The version of the API to speak, instead of the newest that both sides know."),
        ("DOCKER_TLS_VERIFY", "When not empty: TLS, and the daemon's certificate is checked."),
        ("DOCKER_CERT_PATH", "The folder of ca.pem, cert.pem and key.pem."),
        ("DOCKER_DEFAULT_PLATFORM", "What --platform is when it is not given."),
    ]

    private static let files = [
        ("/run/apus/apus.sock", "The socket that is used when nothing names another one and the user may open it."),
        ("$XDG_RUNTIME_DIR/apus.sock", "The socket of a user's own daemon, used when the first one cannot be."),
        ("/var/run/docker.sock", "The socket when there is neither."),
        (
            "~/.docker/config.json",
            "Keys that are read: auths, currentContext, detachKeys, HttpHeaders, psFormat, imagesFormat, networksFormat, "
                + "volumesFormat."
        ),
        ("~/.docker/contexts", "Endpoints by name, in Docker's format."),
    ]

    private static let status = [
        ("0", "Everything that was asked for was done."),
        ("1", "Something was not; its reason is on standard error. Also: wrong number of arguments."),
        ("64", "A template of --format does not parse."),
        ("125", "A flag is wrong, or the daemon could not run the container."),
        ("126", "The command of the container cannot be executed."),
        ("127", "The command of the container was not found."),
        ("128+N", "The command of the container was ended by signal N; any other code is its own."),
    ]

    // MARK: Parts

    private static func head(_ name: String, _ summary: String) -> String {
        // No date: the same sources make the same pages.
        ".TH \(name.uppercased()) 1 \"\" \"apus \(Version.current)\" \"apus manual\"\n"
            + ".SH NAME\n\(plain(name)) \\- \(plain(summary))\n"
    }

    private static func list(_ members: [(name: String, command: Command)], prefix: String) -> String {
        members.map { member in
            let page = "apus-" + Text.replacing(prefix + member.name, " ", with: "-")
            return entry(bold(page) + "(1)", member.command.summary)
        }.joined()
    }

    private static func options(_ flags: [Flag]) -> String {
        flags.filter { !$0.isHidden && $0.name != "help" }.sorted { $0.name < $1.name }.map { flag in
            var label = flag.short.map { bold("-\($0)") + ", " } ?? ""
            label += bold("--\(flag.name)")
            if !flag.kind.placeholder.isEmpty { label += "=" + italic(flag.kind.placeholder) }
            let standard = flag.shownDefault.map { " (default \($0))" } ?? ""
            return entry(label, flag.help + standard)
        }.joined()
    }

    private static func entry(_ label: String, _ text: String) -> String { ".TP\n\(label)\n" + paragraph(text) }

    private static func paragraph(_ text: String) -> String {
        Text.split(text, "\n").map { line in plain(line) }.joined(separator: "\n.br\n") + "\n"
    }

    private static func bold(_ text: String) -> String { "\\fB\(plain(text))\\fR" }
    private static func italic(_ text: String) -> String { "\\fI\(plain(text))\\fR" }

    /// Text that roff prints as it is; a line of it cannot be a request.
    private static func plain(_ text: String) -> String {
        let escaped = Text.replacing(Text.replacing(text, "\\", with: "\\e"), "-", with: "\\-")
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
