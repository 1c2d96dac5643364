// SPDX-License-Identifier: Apache-2.0
// `volume ls|create|rm|inspect|prune`.
import DockerClient
import JSON

/// All of `volume …`.
enum VolumeCommands {
    static let all: [Command] = [
        Command(
            ["volume ls", "volume list"], "[OPTIONS]", "List volumes", .none, flags: { VolumeFlags.list }, run: list),
        Command(
            ["volume create"], "[OPTIONS] [VOLUME]", "Create a volume", .atMost(1), flags: { VolumeFlags.create },
            run: create),
        Command(
            ["volume rm", "volume remove"], "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes", .atLeast(1),
            description: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
            flags: { VolumeFlags.remove },
            run: { call in
                let client = try call.client()
                let query = call.flags.bool("force") ? [("force", "1")] : []
                return try call.forEachOperand { name in
                    try client.perform("DELETE", "/volumes/\(URLText.path(name))", query: query)
                    call.console.line(name)
                }
            }),
        Command(
            ["volume inspect"], "[OPTIONS] VOLUME [VOLUME...]", "Display detailed information on one or more volumes",
            .atLeast(1), flags: { VolumeFlags.inspect },
            run: { call in
                let client = try call.client()
                return try ObjectInspector.run(call) { name in
                    try client.call("GET", "/volumes/\(URLText.path(name))").readAll()
                }
            }),
        Command(
            ["volume prune"], "[OPTIONS]", "Remove unused local volumes", .none, flags: { VolumeFlags.prune },
            run: PruneCommands.volumes),
    ]

    private static func list(_ call: Invocation) throws -> Int32 {
        if call.flags.bool("cluster") { throw CommandError("the --cluster flag is not supported yet") }
        let answer = try call.client().json("GET", "/volumes", query: call.filterQuery())
        let volumes = (answer["Volumes"]?.array ?? []).sorted {
            ($0["Name"]?.string ?? "") < ($1["Name"]?.string ?? "")
        }
        let rows = volumes.map(record)
        let format = ListFormat(
            table: "{{.Driver}}\\t{{.Name}}", quiet: "{{.Name}}",
            headers: [
                "Name": "VOLUME NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT",
                "Labels": "LABELS",
                "Links": "LINKS", "Size": "SIZE", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
                "Label": "",
            ],
            raw: "name: {{.Name}}\\ndriver: {{.Driver}}\\n")
        var template = call.flags.string("format")
        if template.isEmpty, !call.flags.bool("quiet") {
            template = call.settings.configuration()["volumesFormat"]?.string ?? ""
        }
        call.console.out(try format.text(template, quiet: call.flags.bool("quiet"), rows: rows))
        return 0
    }

    static func record(_ item: JSONValue) -> TemplateRecord {
        @Sendable func text(_ key: String) -> String { item[key]?.string ?? "" }
        let labels = item["Labels"]?.object ?? JSONObject()
        let usage = item["UsageData"]
        return TemplateRecord(
            typeName: "*formatter.volumeContext",
            columns: [
                ("Availability", { .string("N/A") }),
                ("Driver", { .string(text("Driver")) }),
                ("Group", { .string("N/A") }),
                ("Labels", { .string(LabelText.joined(labels)) }),
                ("Links", { .string(usage?["RefCount"]?.int.map { String($0) } ?? "N/A") }),
                ("Mountpoint", { .string(text("Mountpoint")) }),
                ("Name", { .string(text("Name")) }),
                ("Scope", { .string(text("Scope")) }),
                ("Size", { .string(usage?["Size"]?.int.map { SizeText.long($0) } ?? "N/A") }),
                ("Status", { .string("N/A") }),
            ],
            methods: [("Label", { arguments in try LabelText.label(arguments, labels) })])
    }

    private static func create(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        for name in [
            "availability", "group", "limit-bytes", "required-bytes", "scope", "secret", "sharing",
            "topology-preferred",
            "topology-required", "type",
        ] where flags.isSet(name) { throw CommandError("the --\(name) flag is not supported yet: cluster volumes") }
        if flags.isSet("name"), !call.operands.isEmpty {
            throw CommandError(
                "conflicting options: cannot specify a volume-name through both --name and as a positional arg")
        }
        if flags.isSet("name") {
            call.console.line("Flag --name has been deprecated, use positional arguments instead")
        }
        func map(_ name: String) -> JSONValue {
            .object(
                JSONObject(
                    flags.list(name).map { text in
                        let (key, value) = Text.cut(text, "=") ?? (text, "")
                        return (key, .string(value))
                    }))
        }
        let answer = try call.client().json(
            "POST", "/volumes/create",
            body: .json([
                "Driver": .string(flags.string("driver")), "DriverOpts": map("opt"), "Labels": map("label"),
                "Name": .string(call.operands.first ?? flags.string("name")),
            ]))
        call.console.line(answer["Name"]?.string ?? "")
        return 0
    }
}
