// SPDX-License-Identifier: Apache-2.0
// `system df`: what takes space.
import DockerClient
import JSON
import Primitives

/// `apus system df`.
enum DiskUsageCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let answer = try call.client().json("GET", "/system/df")
        if call.flags.bool("verbose") {
            let format = call.flags.string("format")
            if format.isEmpty || format == "table" { return try verbose(call, answer) }
            return try verbose(call, answer, format: format)
        }
        let format = ListFormat(
            table: "{{.Type}}\\t{{.TotalCount}}\\t{{.Active}}\\t{{.Size}}\\t{{.Reclaimable}}", quiet: "{{.Type}}",
            headers: [
                "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
            ])
        call.console.out(try format.text(call.flags.string("format"), quiet: false, rows: rows(answer)))
        return 0
    }

    private static func items(_ answer: JSONValue, _ key: String) -> [JSONValue] { answer[key]?.array ?? [] }

    static func rows(_ answer: JSONValue) -> [TemplateRecord] {
        let images = items(answer, "Images")
        let containers = items(answer, "Containers")
        let volumes = items(answer, "Volumes")
        let cache = items(answer, "BuildCache")
        func sum(_ list: [JSONValue], _ size: (JSONValue) -> Int64) -> Int64 {
            list.reduce(0) { $0 + max(0, size($1)) }
        }
        let layers = answer["LayersSize"]?.int ?? 0
        var usedImages: Int64 = 0
        for image in images where (image["Containers"]?.int ?? 0) > 0 {
            let (size, shared) = (image["Size"]?.int ?? -1, image["SharedSize"]?.int ?? -1)
            if size != -1, shared != -1 { usedImages += size - shared }
        }
        let running = containers.filter { ["running", "paused", "restarting"].contains($0["State"]?.string ?? "") }
        let containerSize = sum(containers) { $0["SizeRw"]?.int ?? 0 }
        let idleContainers = containerSize - sum(running) { $0["SizeRw"]?.int ?? 0 }
        let volumeSize = sum(volumes) { $0["UsageData"]?["Size"]?.int ?? 0 }
        let usedVolumes = volumes.filter { ($0["UsageData"]?["RefCount"]?.int ?? 0) > 0 }
        let idleVolumes = volumeSize - sum(usedVolumes) { $0["UsageData"]?["Size"]?.int ?? 0 }
        let cacheSize = sum(cache.filter { $0["Shared"]?.bool != true }) { $0["Size"]?.int ?? 0 }
        let usedCache = sum(cache.filter { $0["InUse"]?.bool == true && $0["Shared"]?.bool != true }) {
            $0["Size"]?.int ?? 0
        }
        return [
            row(
                "Images", images.count, images.count { ($0["Containers"]?.int ?? 0) > 0 }, layers, layers - usedImages,
                percent: true),
            row(
                "Containers", containers.count, running.count, containerSize, idleContainers, percent: containerSize > 0
            ),
            row("Local Volumes", volumes.count, usedVolumes.count, volumeSize, idleVolumes, percent: volumeSize > 0),
            row(
                "Build Cache", cache.count, cache.count { $0["InUse"]?.bool == true }, cacheSize, cacheSize - usedCache,
                percent: false),
        ]
    }

    private static func row(
        _ type: String, _ total: Int, _ active: Int, _ size: Int64, _ reclaimable: Int64, percent: Bool
    ) -> TemplateRecord {
        var text = SizeText.long(reclaimable)
        if percent, size > 0 { text += " (\(reclaimable * 100 / size)%)" }
        let shown = text
        return TemplateRecord(
            typeName: "*formatter.diskUsageContext",
            columns: [
                ("Active", { .string(String(active)) }), ("Reclaimable", { .string(shown) }),
                ("Size", { .string(SizeText.long(size)) }), ("TotalCount", { .string(String(total)) }),
                ("Type", { .string(type) }),
            ])
    }

    /// The rows of all four tables as one document for a template.
    private static func verbose(_ call: Invocation, _ answer: JSONValue, format: String) throws -> Int32 {
        let now = Timestamp.now()
        let images = items(answer, "Images").flatMap { image in
            ImageList.names(image, false).prefix(1).map {
                var row = ImageList.record(image, $0, truncated: false, now: now).json.object ?? JSONObject()
                row["Digest"] = ""
                return JSONValue.object(row)
            }
        }
        let document: JSONValue = [
            "Images": .array(images),
            "Containers": .array(
                items(answer, "Containers").map { containerRecord($0, truncated: false, now: now).json }),
            "Volumes": .array(items(answer, "Volumes").map { VolumeCommands.record($0).json }),
            "BuildCache": .array(items(answer, "BuildCache")),
        ]
        let source = format == "json" ? "{{json .}}" : format
        let template: Template
        do {
            template = try Template(Text.replacing(Text.replacing(source, "\\t", with: "\t"), "\\n", with: "\n"))
        } catch { throw CommandError("failed to parse template: \(error)") }
        // As the stock client: no newline of its own.
        call.console.out(try template.execute(.json(document)))
        return 0
    }

    /// The size of the image is none of the container's.
    private static func containerRecord(_ item: JSONValue, truncated: Bool, now: Timestamp) -> TemplateRecord {
        var own = item.object ?? JSONObject()
        own["SizeRootFs"] = 0
        return ContainerList.record(.object(own), truncated: truncated, now: now)
    }

    private static func verbose(_ call: Invocation, _ answer: JSONValue) throws -> Int32 {
        let now = Timestamp.now()
        let images = items(answer, "Images").flatMap { image in
            ImageList.names(image, false).prefix(1).map { ImageList.record(image, $0, truncated: true, now: now) }
        }
        let imageFormat = ListFormat(
            table:
                "{{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.CreatedSince}}\\t{{.Size}}\\t{{.SharedSize}}\\t{{.UniqueSize}}\\t{{.Containers}}",
            quiet: "",
            headers: [
                "Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
                "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE", "Containers": "CONTAINERS",
            ])
        call.console.out("Images space usage:\n\n" + (try imageFormat.text("", quiet: false, rows: images)))
        let containers = items(answer, "Containers").map { containerRecord($0, truncated: true, now: now) }
        var headers = ContainerList.format.headers
        headers["LocalVolumes"] = "LOCAL VOLUMES"
        let containerFormat = ListFormat(
            table:
                "{{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.LocalVolumes}}\\t{{.Size}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Names}}",
            quiet: "", headers: headers)
        call.console.out(
            "\nContainers space usage:\n\n" + (try containerFormat.text("", quiet: false, rows: containers)))
        let volumeFormat = ListFormat(
            table: "{{.Name}}\\t{{.Links}}\\t{{.Size}}", quiet: "",
            headers: ["Name": "VOLUME NAME", "Links": "LINKS", "Size": "SIZE"])
        let volumes = items(answer, "Volumes").map(VolumeCommands.record)
        call.console.out("\nLocal Volumes space usage:\n\n" + (try volumeFormat.text("", quiet: false, rows: volumes)))
        call.console.out("\nBuild cache usage: 0B\n\n")
        return 0
    }
}
