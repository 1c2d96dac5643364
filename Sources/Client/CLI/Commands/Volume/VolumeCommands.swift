// SPDX-License-Identifier: Apache-2.0
// The verbs of `volume`.
import DockerClient
import JSON

/// `volume create`, `inspect`, `ls`, `prune`, `rm`.
enum VolumeCommands {
    static let all: [Command] = [
        Command(
            ["volume create"], "[OPTIONS] [VOLUME]", "Create a volume", .atMost(1), flags: { VolumeFlags.create }, run: create),
        Command(
            ["volume inspect"], "[OPTIONS] VOLUME [VOLUME...]", "Display detailed information on one or more volumes",
            .atLeast(1), flags: { VolumeFlags.inspect }, run: InspectCommand.of("volume")),
        Command(
            ["volume ls", "volume list"], "[OPTIONS]", "List volumes", .none, flags: { VolumeFlags.list }, run: list),
        Command(
            ["volume prune"], "[OPTIONS]", "Remove unused local volumes", .none, flags: { VolumeFlags.prune }, run: prune),
        Command(
            ["volume rm", "volume remove"], "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes", .atLeast(1),
            description: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
            flags: { VolumeFlags.remove }, run: remove),
    ]

    static let output = ListOutput(
        table: "{{.Driver}}\t{{.Name}}",
        headers: [
            ("Availability", "AVAILABILITY"), ("Driver", "DRIVER"), ("Group", "GROUP"), ("Labels", "LABELS"),
            ("Links", "LINKS"), ("Mountpoint", "MOUNTPOINT"), ("Name", "VOLUME NAME"), ("Scope", "SCOPE"), ("Size", "SIZE"),
            ("Status", "STATUS"),
        ], quiet: "{{.Name}}")

    static func create(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        for name in ["group", "scope", "sharing", "type", "secret", "limit-bytes", "required-bytes", "availability",
            "topology-preferred", "topology-required"] where flags.isSet(name)
        {
            throw CommandError("apus: cluster volumes (--\(name)) are not supported yet")
        }
        func pairs(_ name: String) -> JSONValue {
            .object(JSONObject(flags.list(name).map { text in
                let (key, value) = Text.cut(text, "=") ?? (text, "")
                return (key, .string(value))
            }))
        }
        let answer = try call.client().json(
            "POST", "/volumes/create",
            body: .json([
                "Driver": .string(flags.string("driver")), "DriverOpts": pairs("opt"), "Labels": pairs("label"),
                "Name": .string(call.operands.first ?? ""),
            ]))
        call.console.line(answer["Name"]?.string ?? "")
        return 0
    }

    static func list(_ call: Invocation) throws -> Int32 {
        if call.flags.bool("cluster") { throw CommandError("apus: cluster volumes are not supported yet") }
        let answer = try call.client().json("GET", "/volumes", query: call.filterQuery())
        for warning in answer["Warnings"]?.strings ?? [] { call.console.err("WARNING: \(warning)\n") }
        let volumes = (answer["Volumes"]?.array ?? []).sorted { ($0["Name"]?.string ?? "") < ($1["Name"]?.string ?? "") }
        try output.print(
            volumes.map(row), format: call.flags.string("format"), isQuiet: call.flags.bool("quiet"), console: call.console)
        return 0
    }

    static func row(_ volume: JSONValue) -> TemplateRecord {
        func text(_ key: String) -> TemplateRecord.Column { { .string(volume[key]?.string ?? "") } }
        let labels = LabelText(volume["Labels"])
        let usage = volume["UsageData"]
        let size = usage?["Size"]?.int ?? -1
        return TemplateRecord(
            typeName: "*formatter.volumeContext",
            columns: [
                ("Availability", { .string("N/A") }), ("Driver", text("Driver")), ("Group", { .string("N/A") }),
                ("Labels", { .string(labels.text) }),
                ("Links", { .string(usage?["RefCount"]?.int.map { String($0) } ?? "N/A") }),
                ("Mountpoint", text("Mountpoint")), ("Name", text("Name")), ("Scope", text("Scope")),
                ("Size", { .string(usage == nil || size < 0 ? "N/A" : SizeText.long(size)) }),
                ("Status", { .string("N/A") }),
            ], methods: [("Label", labels.method)])
    }

    static func remove(_ call: Invocation) throws -> Int32 {
        let client = try call.client()
        let query = call.flags.bool("force") ? [("force", "1")] : []
        return try call.forEachOperand { name in
            try client.perform("DELETE", "/volumes/\(URLText.path(name))", query: query)
            call.console.line(name)
        }
    }

    static func prune(_ call: Invocation) throws -> Int32 {
        let all = call.flags.bool("all")
        guard call.confirms(
            (all ? "WARNING! This will remove all local volumes not used by at least one container."
                : "WARNING! This will remove anonymous local volumes not used by at least one container.")
                + "\nAre you sure you want to continue?")
        else { return 0 }
        let answer = try call.client().json("POST", "/volumes/prune", query: call.filterQuery(all ? [("all", "true")] : []))
        let names = answer["VolumesDeleted"]?.strings ?? []
        if !names.isEmpty { call.console.out("Deleted Volumes:\n" + names.map { $0 + "\n" }.joined() + "\n") }
        call.console.line("Total reclaimed space: " + SizeText.long(answer["SpaceReclaimed"]?.int ?? 0))
        return 0
    }
}
