// SPDX-License-Identifier: Apache-2.0
// version, info, events, inspect, `system df`: the daemon as a whole.
import DockerClient
import JSON

/// Commands that belong to no single noun.
enum SystemCommands {
    static let all: [Command] = own + refused

    private static let own: [Command] = [
        Command(
            ["version"], "[OPTIONS]", "Show the Docker version information", .none, flags: { SystemFlags.version },
            run: VersionCommand.run),
        Command(
            ["system info", "info"], "[OPTIONS]", "Display system-wide information", .none, flags: { SystemFlags.info },
            run: InfoCommand.run),
        Command(
            ["system events", "events"], "[OPTIONS]", "Get real time events from the server", .none,
            flags: { SystemFlags.events }, run: EventsCommand.run),
        Command(
            ["system df"], "[OPTIONS]", "Show docker disk usage", .none, flags: { SystemFlags.diskUsage },
            run: DiskUsageCommand.run),
        Command(
            ["system prune"], "[OPTIONS]", "Remove unused data", .none, flags: { SystemFlags.prune },
            run: PruneCommands.system),
        Command(
            ["system dial-stdio"], "",
            "Proxy the stdio stream to the daemon connection. Should not be invoked manually.", .none, isHidden: true,
            run: DialCommand.run),
        Command(
            ["inspect"], "[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects",
            .atLeast(1),
            flags: { SystemFlags.inspect }, run: inspect),
    ]

    /// Verbs of the stock client that this release does not have.
    private static let refused: [Command] = [
        "build", "commit", "cp", "diff", "export", "login", "logout", "search", "stats",
        "bake", "builder", "buildx", "checkpoint", "compose", "config", "context", "manifest", "node", "plugin",
        "secret",
        "service", "stack", "swarm", "trust",
    ].map { name in
        let paths: [String]
        switch name {
        case "build": paths = ["image build", "build"]
        case "commit", "cp", "diff", "export", "stats": paths = ["container \(name)", name]
        default: paths = [name]
        }
        return Command(
            paths, "", "Not supported yet", .atLeast(0), interspersed: false, flags: { [] }, acceptsAnything: true
        ) { call in
            throw CommandError("\(call.program): the '\(name)' command is not supported yet")
        }
    }

    private static let kinds: [(name: String, path: @Sendable (String) -> String)] = [
        ("container", { "/containers/\($0)/json" }), ("image", { "/images/\($0)/json" }),
        ("network", { "/networks/\($0)" }),
        ("volume", { "/volumes/\($0)" }), ("service", { "/services/\($0)" }), ("task", { "/tasks/\($0)" }),
        ("node", { "/nodes/\($0)" }), ("plugin", { "/plugins/\($0)/json" }), ("secret", { "/secrets/\($0)" }),
        ("config", { "/configs/\($0)" }),
    ]

    private static func inspect(_ call: Invocation) throws -> Int32 {
        let type = call.flags.string("type")
        if call.flags.isSet("type"), !kinds.contains(where: { $0.name == type }) {
            throw CommandError(
                type.isEmpty
                    ? "type is empty: must be one of \"config\", \"container\", \"image\", \"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\""
                    : "unknown type: \(Quoted.go(type)): must be one of \"config\", \"container\", \"image\", \"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\""
            )
        }
        let client = try call.client()
        let wantsSize = call.flags.bool("size")
        if wantsSize, !type.isEmpty, type != "container" { call.console.err("WARNING: --size ignored for \(type)\n") }
        return try ObjectInspector.run(call) { name in
            for kind in kinds where type.isEmpty ? kind.name != "config" : kind.name == type {
                do {
                    return try client.call(
                        "GET", kind.path(URLText.path(name)),
                        query: wantsSize && kind.name == "container" ? [("size", "1")] : []
                    ).readAll()
                } catch let error as ClientError where type.isEmpty && isAbsence(error) { continue }
            }
            throw CommandError(type.isEmpty ? "Error: No such object: \(name)" : "Error: No such \(type): \(name)")
        }
    }

    /// The daemon does not have it under this kind, or does not have the kind (no swarm, no plugins, not built yet).
    private static func isAbsence(_ error: ClientError) -> Bool {
        guard let status = error.status else { return false }
        return [404, 406, 501, 503].contains(status)
    }
}
