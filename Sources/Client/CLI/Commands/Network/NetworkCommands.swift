// SPDX-License-Identifier: Apache-2.0
// `network ls|create|rm|inspect|prune|connect|disconnect`.
import DockerClient
import JSON
import Primitives

/// All of `network …`.
enum NetworkCommands {
    static let all: [Command] = [
        Command(
            ["network ls", "network list"], "[OPTIONS]", "List networks", .none, flags: { NetworkFlags.list }, run: list
        ),
        Command(
            ["network create"], "[OPTIONS] NETWORK", "Create a network", .exactly(1), flags: { NetworkFlags.create },
            run: create),
        Command(
            ["network rm", "network remove"], "NETWORK [NETWORK...]", "Remove one or more networks", .atLeast(1),
            flags: { NetworkFlags.remove }, run: remove),
        Command(
            ["network inspect"], "[OPTIONS] NETWORK [NETWORK...]",
            "Display detailed information on one or more networks", .atLeast(1), flags: { NetworkFlags.inspect },
            run: { call in
                let client = try call.client()
                return try ObjectInspector.run(call) { name in
                    try client.call(
                        "GET", "/networks/\(URLText.path(name))",
                        query: call.flags.bool("verbose") ? [("verbose", "true")] : []
                    ).readAll()
                }
            }),
        Command(
            ["network prune"], "[OPTIONS]", "Remove all unused networks", .none, flags: { NetworkFlags.prune },
            run: PruneCommands.networks),
        Command(
            ["network connect"], "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", .exactly(2),
            flags: { NetworkFlags.connect }, run: connect),
        Command(
            ["network disconnect"], "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network", .exactly(2),
            flags: { NetworkFlags.disconnect },
            run: { call in
                try call.client().perform(
                    "POST", "/networks/\(URLText.path(call.operands[0]))/disconnect",
                    body: .json(["Container": .string(call.operands[1]), "Force": .bool(call.flags.bool("force"))]))
                return 0
            }),
    ]

    private static func list(_ call: Invocation) throws -> Int32 {
        let answer = try call.client().json("GET", "/networks", query: call.filterQuery())
        let truncated = !call.flags.bool("no-trunc")
        let sorted = (answer.array ?? []).sorted { ($0["Name"]?.string ?? "") < ($1["Name"]?.string ?? "") }
        let rows = sorted.map { item -> TemplateRecord in
            @Sendable func text(_ key: String) -> String { item[key]?.string ?? "" }
            let labels = item["Labels"]?.object ?? JSONObject()
            return TemplateRecord(
                typeName: "*network.networkContext",
                columns: [
                    (
                        "CreatedAt",
                        { .string(Timestamp(rfc3339: text("Created")).map(LocalTime.goString) ?? text("Created")) }
                    ),
                    ("Driver", { .string(text("Driver")) }),
                    ("ID", { .string(truncated ? Shortened.id(text("Id")) : text("Id")) }),
                    ("IPv4", { .string(String(item["EnableIPv4"]?.bool ?? false)) }),
                    ("IPv6", { .string(String(item["EnableIPv6"]?.bool ?? false)) }),
                    ("Internal", { .string(String(item["Internal"]?.bool ?? false)) }),
                    ("Labels", { .string(LabelText.joined(labels)) }),
                    ("Name", { .string(text("Name")) }),
                    ("Scope", { .string(text("Scope")) }),
                ],
                methods: [("Label", { arguments in try LabelText.label(arguments, labels) })])
        }
        let format = ListFormat(
            table: "{{.ID}}\\t{{.Name}}\\t{{.Driver}}\\t{{.Scope}}", quiet: "{{.ID}}",
            headers: [
                "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4",
                "IPv6": "IPV6",
                "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT", "Label": "",
            ],
            raw: "network_id: {{.ID}}\\nname: {{.Name}}\\ndriver: {{.Driver}}\\nscope: {{.Scope}}\\n")
        var template = call.flags.string("format")
        if template.isEmpty, !call.flags.bool("quiet") {
            template = call.settings.configuration()["networksFormat"]?.string ?? ""
        }
        call.console.out(try format.text(template, quiet: call.flags.bool("quiet"), rows: rows))
        return 0
    }

    private static func create(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        func map(_ list: [String]) -> JSONObject {
            JSONObject(
                list.map { text in
                    let (key, value) = Text.cut(text, "=") ?? (text, "")
                    return (key, .string(value))
                })
        }
        var body: JSONObject = [
            "Name": .string(call.operands[0]), "Driver": .string(flags.string("driver")),
            "Scope": .string(flags.string("scope")),
            "IPAM": [
                "Driver": .string(flags.string("ipam-driver")), "Options": .object(map(flags.list("ipam-opt"))),
                "Config": .array(try AddressPools.json(flags)),
            ],
            "Internal": .bool(flags.bool("internal")), "Attachable": .bool(flags.bool("attachable")),
            "Ingress": .bool(flags.bool("ingress")), "ConfigOnly": .bool(flags.bool("config-only")),
            "ConfigFrom": flags.isSet("config-from") ? ["Network": .string(flags.string("config-from"))] : .null,
            "Options": .object(map(flags.list("opt"))), "Labels": .object(map(flags.list("label"))),
        ]
        if flags.isSet("ipv4") { body["EnableIPv4"] = .bool(flags.bool("ipv4")) }
        if flags.isSet("ipv6") { body["EnableIPv6"] = .bool(flags.bool("ipv6")) }
        let answer = try call.client().json("POST", "/networks/create", body: .json(.object(body)))
        if let warning = answer["Warning"]?.string, !warning.isEmpty { call.console.err("WARNING: \(warning)\n") }
        call.console.line(answer["Id"]?.string ?? "")
        return 0
    }

    private static func remove(_ call: Invocation) throws -> Int32 {
        let client = try call.client()
        var failed = false
        for name in call.operands {
            do {
                try client.perform("DELETE", "/networks/\(URLText.path(name))")
                call.console.line(name)
            } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                if call.flags.bool("force"), error.status == 404 { continue }
                failed = true
                call.console.err("\(error)\n")
            }
        }
        // The stock client's own words after the failures were told.
        if failed { throw CommandError("exit status 1") }
        return 0
    }

    private static func connect(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        var address = JSONObject()
        if flags.isSet("ip") { address["IPv4Address"] = .string(flags.string("ip")) }
        if flags.isSet("ip6") { address["IPv6Address"] = .string(flags.string("ip6")) }
        if flags.isSet("link-local-ip") {
            address["LinkLocalIPs"] = .array(flags.slice("link-local-ip").map { .string($0) })
        }
        let options = JSONObject(
            flags.list("driver-opt").map { text in
                let (key, value) = Text.cut(text, "=") ?? (text, "")
                return (key, .string(value))
            })
        try call.client().perform(
            "POST", "/networks/\(URLText.path(call.operands[0]))/connect",
            body: .json([
                "Container": .string(call.operands[1]),
                "EndpointConfig": [
                    "IPAMConfig": .object(address), "Links": .array(flags.list("link").map { .string($0) }),
                    "Aliases": .array(flags.slice("alias").map { .string($0) }), "DriverOpts": .object(options),
                    "GwPriority": .int(flags.int("gw-priority")),
                ],
            ]))
        return 0
    }
}
