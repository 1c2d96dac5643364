// SPDX-License-Identifier: Apache-2.0
// The verbs of `network`.
import DockerClient
import JSON
import Primitives

/// `network ls`, `create`, `rm`, `connect`, `disconnect`, `inspect`, `prune`.
enum NetworkCommands {
    static let all: [Command] = [
        Command(
            ["network connect"], "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", .exactly(2),
            flags: { NetworkFlags.connect }, run: connect),
        Command(
            ["network create"], "[OPTIONS] NETWORK", "Create a network", .exactly(1), flags: { NetworkFlags.create },
            run: create),
        Command(
            ["network disconnect"], "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network", .exactly(2),
            flags: { NetworkFlags.disconnect }, run: disconnect),
        Command(
            ["network inspect"], "[OPTIONS] NETWORK [NETWORK...]",
            "Display detailed information on one or more networks", .atLeast(1), flags: { NetworkFlags.inspect },
            run: InspectCommand.of("network")),
        Command(
            ["network ls", "network list"], "[OPTIONS]", "List networks", .none, flags: { NetworkFlags.list }, run: list),
        Command(
            ["network prune"], "[OPTIONS]", "Remove all unused networks", .none, flags: { NetworkFlags.prune }, run: prune),
        Command(
            ["network rm", "network remove"], "NETWORK [NETWORK...]", "Remove one or more networks", .atLeast(1),
            flags: { NetworkFlags.remove }, run: remove),
    ]

    private static let output = ListOutput(
        table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        headers: [
            ("CreatedAt", "CREATED AT"), ("Driver", "DRIVER"), ("ID", "NETWORK ID"), ("IPv4", "IPV4"), ("IPv6", "IPV6"),
            ("Internal", "INTERNAL"), ("Labels", "LABELS"), ("Name", "NAME"), ("Scope", "SCOPE"),
        ])

    static func list(_ call: Invocation) throws -> Int32 {
        let networks = try call.client().json("GET", "/networks", query: call.filterQuery()).array ?? []
        let full = call.flags.bool("no-trunc")
        let rows = networks.sorted { ($0["Name"]?.string ?? "") < ($1["Name"]?.string ?? "") }.map { row($0, full) }
        try output.print(
            rows, format: call.flags.string("format"), isQuiet: call.flags.bool("quiet"), console: call.console)
        return 0
    }

    private static func row(_ network: JSONValue, _ full: Bool) -> TemplateRecord {
        func text(_ key: String) -> String { network[key]?.string ?? "" }
        func flag(_ key: String) -> TemplateValue { .string(network[key]?.bool == true ? "true" : "false") }
        let id = full ? text("Id") : String(text("Id").prefix(12))
        let labels = LabelText(network["Labels"])
        let created = Timestamp(rfc3339: text("Created")) ?? .zero
        return TemplateRecord(
            typeName: "*network.networkContext",
            columns: [
                (
                    "CreatedAt",
                    {
                        let digits = String(created.nanoseconds)
                        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
                        while fraction.hasSuffix("0") { fraction.removeLast() }
                        let utc = Text.replacing(String(Timestamp(seconds: created.seconds).rfc3339Nano.dropLast()), "T", with: " ")
                        return .string(utc + (fraction.isEmpty ? "" : "." + fraction) + " +0000 UTC")
                    }
                ),
                ("Driver", { .string(text("Driver")) }), ("ID", { .string(id) }),
                ("IPv4", { flag("EnableIPv4") }), ("IPv6", { flag("EnableIPv6") }), ("Internal", { flag("Internal") }),
                ("Labels", { .string(labels.text) }), ("Name", { .string(text("Name")) }), ("Scope", { .string(text("Scope")) }),
            ], methods: [("Label", labels.method)])
    }

    static func create(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        var body = JSONObject()
        body["Name"] = .string(call.operands[0])
        body["Driver"] = .string(flags.string("driver"))
        body["Scope"] = .string(flags.string("scope"))
        if flags.isSet("ipv4") { body["EnableIPv4"] = .bool(flags.bool("ipv4")) }
        if flags.isSet("ipv6") { body["EnableIPv6"] = .bool(flags.bool("ipv6")) }
        body["IPAM"] = [
            "Driver": .string(flags.string("ipam-driver")), "Options": .object(pairs(flags.list("ipam-opt"))),
            "Config": .array(try pools(flags)),
        ]
        body["Internal"] = .bool(flags.bool("internal"))
        body["Attachable"] = .bool(flags.bool("attachable"))
        body["Ingress"] = .bool(flags.bool("ingress"))
        body["ConfigOnly"] = .bool(flags.bool("config-only"))
        if flags.isSet("config-from") { body["ConfigFrom"] = ["Network": .string(flags.string("config-from"))] }
        body["Options"] = .object(pairs(flags.list("opt")))
        body["Labels"] = .object(pairs(flags.list("label")))
        let answer = try call.client().json("POST", "/networks/create", body: .json(.object(body)))
        if let warning = answer["Warning"]?.string, !warning.isEmpty { call.console.err("WARNING: \(warning)\n") }
        call.console.line(answer["Id"]?.string ?? "")
        return 0
    }

    /// Ranges, gateways and auxiliary addresses go to the subnet they lie in.
    private static func pools(_ flags: FlagValues) throws -> [JSONValue] {
        let subnets = flags.slice("subnet")
        let ranges = flags.slice("ip-range")
        let gateways = flags.slice("gateway")
        let auxiliary = flags.list("aux-address")
        if subnets.count < ranges.count || subnets.count < gateways.count {
            throw CommandError("every ip-range or gateway must have a corresponding subnet")
        }
        var pools: [(subnet: String, fields: JSONObject)] = []
        for subnet in subnets {
            guard CIDRText(subnet) != nil else { throw CommandError("invalid CIDR address: \(subnet)") }
            pools.append((subnet, ["Subnet": .string(subnet)]))
        }
        func place(_ address: String, _ what: String, _ key: String) throws {
            let bare = Text.cut(address, "/")?.before ?? address
            guard let index = pools.firstIndex(where: { CIDRText($0.subnet)?.contains(bare) == true }) else {
                throw CommandError("no matching subnet for \(what) \(address)")
            }
            if pools[index].fields[key] != nil { throw CommandError("multiple \(what)s specified for subnet \(pools[index].subnet)") }
            pools[index].fields[key] = .string(address)
        }
        for range in ranges { try place(range, "range", "IPRange") }
        for gateway in gateways { try place(gateway, "gateway", "Gateway") }
        for text in auxiliary {
            guard let (name, address) = Text.cut(text, "=") else { continue }
            guard let index = pools.firstIndex(where: { CIDRText($0.subnet)?.contains(address) == true }) else {
                throw CommandError("no matching subnet for aux-address \(address)")
            }
            var addresses = pools[index].fields["AuxiliaryAddresses"]?.object ?? JSONObject()
            addresses[name] = .string(address)
            pools[index].fields["AuxiliaryAddresses"] = .object(addresses)
        }
        return pools.map { .object($0.fields) }
    }

    private static func pairs(_ list: [String]) -> JSONObject {
        JSONObject(list.map { text in
            let (key, value) = Text.cut(text, "=") ?? (text, "")
            return (key, .string(value))
        })
    }

    static func connect(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        func texts(_ values: [String]) -> JSONValue { values.isEmpty ? .null : .array(values.map { .string($0) }) }
        var ipam = JSONObject()
        if flags.isSet("ip") { ipam["IPv4Address"] = .string(flags.string("ip")) }
        if flags.isSet("ip6") { ipam["IPv6Address"] = .string(flags.string("ip6")) }
        if flags.isSet("link-local-ip") { ipam["LinkLocalIPs"] = texts(flags.slice("link-local-ip")) }
        var endpoint = JSONObject()
        endpoint["IPAMConfig"] = .object(ipam)
        endpoint["Links"] = texts(flags.list("link"))
        endpoint["Aliases"] = texts(flags.slice("alias"))
        if flags.isSet("driver-opt") { endpoint["DriverOpts"] = .object(pairs(flags.slice("driver-opt"))) }
        if flags.isSet("gw-priority") { endpoint["GwPriority"] = .int(flags.int("gw-priority")) }
        try call.client().perform(
            "POST", "/networks/\(URLText.path(call.operands[0]))/connect",
            body: .json(["Container": .string(call.operands[1]), "EndpointConfig": .object(endpoint)]))
        return 0
    }

    static func disconnect(_ call: Invocation) throws -> Int32 {
        try call.client().perform(
            "POST", "/networks/\(URLText.path(call.operands[0]))/disconnect",
            body: .json(["Container": .string(call.operands[1]), "Force": .bool(call.flags.bool("force"))]))
        return 0
    }

    static func remove(_ call: Invocation) throws -> Int32 {
        let client = try call.client()
        return try call.forEachOperand { name in
            do { try client.perform("DELETE", "/networks/\(URLText.path(name))") } catch let error as ClientError
            where error.status == 404 && call.flags.bool("force") { return }
            call.console.line(name)
        }
    }

    static func prune(_ call: Invocation) throws -> Int32 {
        guard call.confirms(
            "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?")
        else { return 0 }
        let names = try call.client().json("POST", "/networks/prune", query: call.filterQuery())["NetworksDeleted"]?.strings ?? []
        if !names.isEmpty { call.console.out("Deleted Networks:\n" + names.map { $0 + "\n" }.joined() + "\n") }
        return 0
    }
}

/// Labels of a list's row.
struct LabelText: Sendable {
    private let labels: [(key: String, value: String)]

    init(_ json: JSONValue?) {
        labels = (json?.object?.fields ?? []).map { ($0.key, $0.value.string ?? "") }
    }

    /// `a=1,b=2`, sorted.
    var text: String { labels.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",") }

    var method: TemplateRecord.Method {
        { arguments in
            let name = arguments.first?.text ?? ""
            return .string(labels.first { $0.key == name }?.value ?? "")
        }
    }
}

/// A subnet, for finding the pool an address belongs to.
struct CIDRText {
    private let network: [UInt8]
    private let length: Int

    init?(_ text: String) {
        guard let (address, bits) = Text.cut(text, "/"), let length = Int(bits), let bytes = AddressBytes.parse(address),
            (0...bytes.count * 8).contains(length)
        else { return nil }
        network = bytes
        self.length = length
    }

    func contains(_ address: String) -> Bool {
        guard let bytes = AddressBytes.parse(address), bytes.count == network.count else { return false }
        return (0..<length).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return bytes[bit / 8] & mask == network[bit / 8] & mask
        }
    }
}
