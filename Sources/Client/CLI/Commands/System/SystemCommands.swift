// SPDX-License-Identifier: Apache-2.0
// The verbs about the daemon as a whole, and those that take objects of any kind.
import DockerClient
import JSON

/// `version`, `info`, `events`, `inspect`, `system df`, `system prune`; and what is refused for now.
enum SystemCommands {
    static let all: [Command] =
        [
            Command(
                ["inspect"], "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects", .atLeast(1),
                flags: { SystemFlags.inspect }, run: InspectCommand.any),
            Command(
                ["system events", "events"], "[OPTIONS]", "Get real time events from the server", .none,
                flags: { SystemFlags.events }, run: EventsCommand.run),
            Command(
                ["system info", "info"], "[OPTIONS]", "Display system-wide information", .none, flags: { SystemFlags.info },
                run: InfoCommand.run),
            Command(
                ["version"], "[OPTIONS]", "Show the Docker version information", .none, flags: { SystemFlags.version },
                run: VersionCommand.run),
            Command(
                ["system df"], "[OPTIONS]", "Show docker disk usage", .none, flags: { SystemFlags.diskUsage },
                run: DiskUsageCommand.run),
            Command(
                ["system prune"], "[OPTIONS]", "Remove unused data", .none, flags: { SystemFlags.prune },
                run: SystemPruneCommand.run),
        ] + refused

    /// Verbs of the stock client that this release does not have.
    private static let refused: [Command] = [
        "build", "commit", "cp", "diff", "export", "login", "logout", "search", "stats", "update",
    ].map { name in
        let paths = ["build"].contains(name) ? [name, "image build"] : ["login", "logout", "search"].contains(name)
            ? [name] : ["container \(name)", name]
        return Command(paths, "", "Not supported yet", .atLeast(0), interspersed: false) { call in
            throw CommandError("\(call.program): '\(name)' is not supported yet")
        }
    }
}
