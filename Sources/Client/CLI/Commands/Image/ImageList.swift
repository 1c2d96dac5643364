// SPDX-License-Identifier: Apache-2.0
// `images` and `history`.
import DockerClient
import JSON
import Primitives

/// `apus images`.
enum ImageList {
    private static let headers = [
        "ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "CreatedSince": "CREATED",
        "CreatedAt": "CREATED AT", "Size": "SIZE", "Containers": "CONTAINERS", "VirtualSize": "SIZE",
        "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
    ]

    static func run(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        if flags.bool("tree") { throw CommandError("the --tree flag is not supported yet") }
        var query: [(String, String)] = flags.bool("all") ? [("all", "1")] : []
        query += call.filterQuery(call.operands.first.map { [("reference", $0)] } ?? [])
        var template = flags.string("format")
        if template.isEmpty, !flags.bool("quiet") {
            template = call.settings.configuration()["imagesFormat"]?.string ?? ""
        }
        let list = try call.client().json("GET", "/images/json", query: query)
        let digests = flags.bool("digests")
        let needsDigest = digests || Text.contains(template, ".Digest")
        let table =
            "{{.Repository}}\\t{{.Tag}}\\t" + (digests ? "{{.Digest}}\\t" : "")
            + "{{.ID}}\\t{{.CreatedSince}}\\t{{.Size}}"
        let now = Timestamp.now()
        let rows = (list.array ?? []).flatMap { image in
            names(image, needsDigest).map { record(image, $0, truncated: !flags.bool("no-trunc"), now: now) }
        }
        let raw =
            "repository: {{.Repository}}\\n{{if .Tag}}tag: {{.Tag}}\\n{{end}}image_id: {{.ID}}\\ncreated_at: {{.CreatedAt}}\\nvirtual_size: {{.Size}}\\n"
        let format = ListFormat(table: table, quiet: "{{.ID}}", headers: headers, raw: raw)
        call.console.out(try format.text(template, quiet: flags.bool("quiet"), rows: rows))
        return 0
    }

    struct Name {
        var repository = "<none>", tag = "<none>", digest = "<none>"
    }

    /// One row per tag; with digests one per tag and digest; a nameless image has one row.
    static func names(_ image: JSONValue, _ needsDigest: Bool) -> [Name] {
        var tags: [(repository: String, tag: String)] = []
        for text in image["RepoTags"]?.strings ?? [] {
            guard let parts = try? ImageName.parse(text), let tag = parts.tag else { continue }
            tags.append((parts.familiarName, tag))
        }
        var digests: [(repository: String, digest: String)] = []
        for text in image["RepoDigests"]?.strings ?? [] {
            guard let parts = try? ImageName.parse(text), let digest = parts.digest else { continue }
            digests.append((parts.familiarName, digest))
        }
        var result: [Name] = []
        for (repository, tag) in tags {
            let own = digests.filter { $0.repository == repository }
            if needsDigest, !own.isEmpty {
                result += own.map { Name(repository: repository, tag: tag, digest: $0.digest) }
            } else {
                result.append(Name(repository: repository, tag: tag))
            }
        }
        for (repository, digest) in digests where !tags.contains(where: { $0.repository == repository }) {
            if needsDigest || !result.contains(where: { $0.repository == repository }) {
                result.append(Name(repository: repository, tag: "<none>", digest: needsDigest ? digest : "<none>"))
            }
        }
        return result.isEmpty ? [Name()] : result
    }

    static func record(_ image: JSONValue, _ name: Name, truncated: Bool, now: Timestamp) -> TemplateRecord {
        let id = image["Id"]?.string ?? ""
        let created = Timestamp(seconds: image["Created"]?.int ?? 0)
        let size = image["Size"]?.int ?? 0
        let shared = image["SharedSize"]?.int ?? -1
        let count = image["Containers"]?.int ?? -1
        return TemplateRecord(
            typeName: "*formatter.imageContext",
            columns: [
                ("Containers", { .string(count == -1 ? "N/A" : String(count)) }),
                ("CreatedAt", { .string(LocalTime.goString(created)) }),
                ("CreatedSince", { .string(HumanDuration.ago(created, now: now)) }),
                ("Digest", { .string(name.digest) }),
                ("ID", { .string(truncated ? Shortened.id(id) : id) }),
                ("Repository", { .string(name.repository) }),
                ("SharedSize", { .string(shared == -1 ? "N/A" : SizeText.long(shared)) }),
                ("Size", { .string(SizeText.short(size)) }),
                ("Tag", { .string(name.tag) }),
                ("UniqueSize", { .string(shared == -1 || size == -1 ? "N/A" : SizeText.long(size - shared)) }),
                ("VirtualSize", { .string(SizeText.long(image["VirtualSize"]?.int ?? size)) }),
            ])
    }
}

/// `apus history`.
enum ImageHistory {
    static func run(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        let answer = try call.client().json(
            "GET", "/images/\(URLText.path(call.operands[0]))/history",
            query: try PlatformText.query(flags.string("platform")))
        let truncated = !flags.bool("no-trunc")
        let human = flags.bool("human")
        let now = Timestamp.now()
        let items: [JSONValue] = answer.array ?? []
        let rows = items.map { (item: JSONValue) -> TemplateRecord in
            let created = Timestamp(seconds: item["Created"]?.int ?? 0)
            let id = item["Id"]?.string ?? ""
            let size = item["Size"]?.int ?? 0
            let command = Text.replacing(item["CreatedBy"]?.string ?? "", "\t", with: " ")
            return TemplateRecord(
                typeName: "*image.historyContext",
                columns: [
                    ("Comment", { .string(item["Comment"]?.string ?? "") }),
                    ("CreatedAt", { .string(created.seconds == 0 ? "" : LocalTime.rfc3339(created)) }),
                    ("CreatedBy", { .string(truncated ? Shortened.text(command, 45) : command) }),
                    (
                        "CreatedSince",
                        { .string(human ? HumanDuration.ago(created, now: now) : LocalTime.rfc3339(created)) }
                    ),
                    ("ID", { .string(truncated ? Shortened.id(id) : id) }),
                    ("Size", { .string(human ? SizeText.short(size) : String(size)) }),
                ])
        }
        let size = "{{.Size}}"
        let format = ListFormat(
            table: "{{.ID}}\\t{{.CreatedSince}}\\t{{.CreatedBy}}\\t\(size)\\t{{.Comment}}", quiet: "{{.ID}}",
            headers: [
                "ID": "IMAGE", "CreatedSince": human ? "CREATED" : "CREATED AT", "CreatedAt": "CREATED AT",
                "CreatedBy": "CREATED BY", "Size": "SIZE", "Comment": "COMMENT",
            ])
        call.console.out(try format.text(flags.string("format"), quiet: flags.bool("quiet"), rows: rows))
        return 0
    }
}
