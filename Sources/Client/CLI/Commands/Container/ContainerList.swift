// SPDX-License-Identifier: Apache-2.0
// `ps`: the list of containers and its columns.
import DockerClient
import JSON
import Primitives

/// `apus ps`.
enum ContainerList {
    static let format = ListFormat(
        table: "{{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}",
        quiet: "{{.ID}}",
        headers: [
            "ID": "CONTAINER ID", "Names": "NAMES", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT",
            "RunningFor": "CREATED", "Ports": "PORTS", "State": "STATE", "Status": "STATUS", "Size": "SIZE",
            "Labels": "LABELS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES", "Networks": "NETWORKS",
            "Platform": "PLATFORM", "Label": "",
        ],
        raw: "container_id: {{.ID}}\\nimage: {{.Image}}\\ncommand: {{.Command}}\\ncreated_at: {{.CreatedAt}}\\n"
            + "state: {{- pad .State 1 0}}\\nstatus: {{- pad .Status 1 0}}\\nnames: {{.Names}}\\nlabels: {{- pad .Labels 1 0}}\\n"
            + "ports: {{- pad .Ports 1 0}}\\n")

    static func run(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        var template = flags.string("format")
        if flags.bool("quiet"), !template.isEmpty {
            call.console.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n")
            if template != "raw" { template = "" }
        }
        if template.isEmpty, !flags.bool("quiet") { template = call.settings.configuration()["psFormat"]?.string ?? "" }
        if !template.isEmpty { try probe(template) }
        let wantsSize = flags.bool("size") || Text.contains(template, ".Size") || Text.contains(template, "json .}")
        var query: [(String, String)] = []
        if flags.bool("all") { query.append(("all", "1")) }
        let last = flags.int("last")
        if flags.bool("latest") {
            query.append(("limit", "1"))
        } else if last > 0 {
            query.append(("limit", String(last)))
        }
        if wantsSize { query.append(("size", "1")) }
        let list = try call.client().json("GET", "/containers/json", query: query + call.filterQuery())
        let now = Timestamp.now()
        let full = flags.bool("no-trunc")
        let rows = (list.array ?? []).map { record($0, truncated: !full, now: now, size: wantsSize) }
        let list2 =
            flags.bool("size")
            ? ListFormat(
                table: format.table + "\\t{{.Size}}", quiet: format.quiet, headers: format.headers,
                raw: format.raw + "size: {{.Size}}\\n")
            : format
        call.console.out(try list2.text(template, quiet: flags.bool("quiet"), rows: rows))
        return 0
    }

    /// A field that no container has is an error also where there is none to list.
    private static func probe(_ format: String) throws {
        guard !["table", "raw", "json"].contains(format), let template = try? Template(format) else { return }
        let row = record(.object(JSONObject()), truncated: true, now: .now())
        do { _ = try template.execute(.record(row)) } catch  where Text.contains(error.message, "can't evaluate field")
        {
            throw CommandError("failed to execute template: \(error)")
        } catch {
            // Depends on the values of a row; the rows will tell.
        }
    }

    static func record(_ item: JSONValue, truncated: Bool, now: Timestamp, size: Bool = true) -> TemplateRecord {
        @Sendable func text(_ key: String) -> String { item[key]?.string ?? "" }
        let created = Timestamp(seconds: item["Created"]?.int ?? 0)
        let labels = item["Labels"]?.object ?? JSONObject()
        return TemplateRecord(
            typeName: "*formatter.ContainerContext",
            columns: [
                ("Command", { .string(Quoted.go(truncated ? Shortened.text(text("Command"), 20) : text("Command"))) }),
                ("CreatedAt", { .string(LocalTime.goString(created)) }),
                ("ID", { .string(truncated ? Shortened.id(text("Id")) : text("Id")) }),
                ("Image", { .string(image(item, truncated)) }),
                ("Labels", { .string(LabelText.joined(labels)) }),
                (
                    "LocalVolumes",
                    { .string(String((item["Mounts"]?.array ?? []).count { $0["Driver"]?.string == "local" })) }
                ),
                ("Mounts", { .string(mounts(item, truncated)) }),
                ("Names", { .string(names(item, truncated)) }),
                (
                    "Networks",
                    {
                        .string(
                            (item["NetworkSettings"]?["Networks"]?.object?.keys ?? []).sorted().joined(separator: ","))
                    }
                ),
                ("Platform", { .typedNil("<nil>") }),
                ("Ports", { .string(PortText.displayed(item["Ports"]?.array ?? [])) }),
                ("RunningFor", { .string(HumanDuration.ago(created, now: now)) }),
                ("Size", { .string(sizeText(item)) }),
                ("State", { .string(text("State")) }),
                ("Status", { .string(text("Status")) }),
            ],
            methods: [("Label", { arguments in try LabelText.label(arguments, labels) })])
    }

    private static func image(_ item: JSONValue, _ truncated: Bool) -> String {
        let image = item["Image"]?.string ?? ""
        if image.isEmpty { return "<no image>" }
        guard truncated else { return image }
        let short = Shortened.id(item["ImageID"]?.string ?? "")
        if short == Shortened.id(image) { return short }
        if let (name, _) = Text.cut(image, "@"), (try? ImageName.parse(image).tag) != nil { return name }
        return image
    }

    private static func names(_ item: JSONValue, _ truncated: Bool) -> String {
        let names = (item["Names"]?.strings ?? []).map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        guard truncated else { return names.joined(separator: ",") }
        return (names.first { !$0.contains("/") } ?? names.first) ?? ""
    }

    private static func mounts(_ item: JSONValue, _ truncated: Bool) -> String {
        (item["Mounts"]?.array ?? []).map { mount in
            let name = mount["Name"]?.string ?? ""
            let shown = name.isEmpty ? mount["Source"]?.string ?? "" : name
            return truncated ? Shortened.text(shown, 15) : shown
        }.joined(separator: ",")
    }

    private static func sizeText(_ item: JSONValue) -> String {
        let root = item["SizeRootFs"]?.int ?? 0
        let text = SizeText.short(item["SizeRw"]?.int ?? 0)
        return root > 0 ? "\(text) (virtual \(SizeText.short(root)))" : text
    }
}

/// Labels in lists.
enum LabelText {
    static func joined(_ labels: JSONObject) -> String {
        labels.fields.map { "\($0.key)=\($0.value.string ?? "")" }.sorted().joined(separator: ",")
    }

    /// The heading of a column `{{.Label "com.example.my-label"}}`: `my label`.
    static func heading(_ label: String) -> String {
        let last = Text.split(label, ".").last ?? label
        return Text.replacing(Text.replacing(last, "-", with: " "), "_", with: " ")
    }

    static func label(_ arguments: [TemplateValue], _ labels: JSONObject) throws -> TemplateValue {
        guard arguments.count == 1 else {
            throw TemplateError("wrong number of args for Label: want 1 got \(arguments.count)")
        }
        return .string(labels[arguments[0].text]?.string ?? "")
    }
}

/// The PORTS column: neighbours are joined to ranges.
enum PortText {
    static func displayed(_ ports: [JSONValue]) -> String {
        struct Port {
            var inside: Int64, outside: Int64
            var ip: String, kind: String
        }
        let sorted = ports.map {
            Port(
                inside: $0["PrivatePort"]?.int ?? 0, outside: $0["PublicPort"]?.int ?? 0, ip: $0["IP"]?.string ?? "",
                kind: $0["Type"]?.string ?? "tcp")
        }.sorted { ($0.inside, $0.ip, $0.outside, $0.kind) < ($1.inside, $1.ip, $1.outside, $1.kind) }
        var groups: [(key: String, ip: String, kind: String, first: Int64, last: Int64)] = []
        var result: [String] = []
        var mapped: [String] = []
        func shown(_ group: (key: String, ip: String, kind: String, first: Int64, last: Int64)) -> String {
            let range = group.first == group.last ? "\(group.first)" : "\(group.first)-\(group.last)"
            return (group.ip.isEmpty ? range : "\(join(group.ip, range))->\(range)") + "/\(group.kind)"
        }
        for port in sorted {
            if !port.ip.isEmpty, port.outside != port.inside {
                mapped.append("\(join(port.ip, String(port.outside)))->\(port.inside)/\(port.kind)")
                continue
            }
            let key = port.ip + "/" + port.kind
            if let index = groups.firstIndex(where: { $0.key == key }) {
                if port.inside == groups[index].last + 1 {
                    groups[index].last = port.inside
                } else {
                    result.append(shown(groups[index]))
                    groups[index].first = port.inside
                    groups[index].last = port.inside
                }
            } else {
                groups.append((key, port.ip, port.kind, port.inside, port.inside))
            }
        }
        return (result + groups.map(shown) + mapped).joined(separator: ", ")
    }

    static func join(_ ip: String, _ port: String) -> String { ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)" }
}
