// SPDX-License-Identifier: Apache-2.0
// `system df` and `system prune`.
import DockerClient
import JSON

/// Where the disk space went.
enum DiskUsageCommand {
    private static let output = ListOutput(
        table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        headers: [
            ("Active", "ACTIVE"), ("Reclaimable", "RECLAIMABLE"), ("Size", "SIZE"), ("TotalCount", "TOTAL"), ("Type", "TYPE"),
        ])

    static func run(_ call: Invocation) throws -> Int32 {
        if call.flags.bool("verbose") { throw CommandError("\(call.program): 'system df --verbose' is not supported yet") }
        let usage = try call.client().json("GET", "/system/df")
        let images = usage["Images"]?.array ?? []
        let containers = usage["Containers"]?.array ?? []
        let volumes = usage["Volumes"]?.array ?? []
        let cache = usage["BuildCache"]?.array ?? []
        func sum(_ items: [JSONValue], _ value: (JSONValue) -> Int64) -> Int64 { items.reduce(0) { $0 + max(0, value($1)) } }
        let layers = usage["LayersSize"]?.int ?? 0
        let used = images.filter { ($0["Containers"]?.int ?? 0) > 0 }
        let imagesInUse = sum(used) { ($0["Size"]?.int ?? 0) - max(0, $0["SharedSize"]?.int ?? 0) }
        let live = containers.filter { ["running", "paused", "restarting"].contains($0["State"]?.string ?? "") }
        func size(_ container: JSONValue) -> Int64 { container["SizeRw"]?.int ?? 0 }
        func size(volume: JSONValue) -> Int64 { volume["UsageData"]?["Size"]?.int ?? 0 }
        let referenced = volumes.filter { ($0["UsageData"]?["RefCount"]?.int ?? 0) > 0 }
        let containerSize = sum(containers) { size($0) }
        let volumeSize = sum(volumes) { size(volume: $0) }
        let cacheSize = sum(cache) { $0["Shared"]?.bool == true ? 0 : $0["Size"]?.int ?? 0 }
        let cacheUsed = cache.filter { $0["InUse"]?.bool == true }
        let rows = [
            row("Images", images.count, used.count, layers, max(0, layers - imagesInUse), percent: true),
            row("Containers", containers.count, live.count, containerSize, containerSize - sum(live) { size($0) }, percent: true),
            row(
                "Local Volumes", volumes.count, referenced.count, volumeSize, volumeSize - sum(referenced) { size(volume: $0) },
                percent: true),
            row(
                "Build Cache", cache.count, cacheUsed.count, cacheSize, cacheSize - sum(cacheUsed) { $0["Size"]?.int ?? 0 },
                percent: false),
        ]
        try output.print(rows, format: call.flags.string("format"), console: call.console)
        return 0
    }

    private static func row(
        _ type: String, _ total: Int, _ active: Int, _ size: Int64, _ reclaimable: Int64, percent: Bool
    ) -> TemplateRecord {
        let share = size > 0 && percent ? " (\(reclaimable * 100 / size)%)" : ""
        return TemplateRecord(
            typeName: "*formatter.diskUsageContext",
            columns: [
                ("Active", { .string(String(active)) }),
                ("Reclaimable", { .string(SizeText.long(reclaimable) + share) }),
                ("Size", { .string(SizeText.long(size)) }), ("TotalCount", { .string(String(total)) }),
                ("Type", { .string(type) }),
            ])
    }
}

/// Removes everything nothing uses.
enum SystemPruneCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let all = call.flags.bool("all")
        let volumes = call.flags.bool("volumes")
        var warning = "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
        if volumes { warning += "  - all anonymous volumes not used by at least one container\n" }
        warning += all ? "  - all images without at least one container associated to them\n" : "  - all dangling images\n"
        guard call.confirms(warning + "\nAre you sure you want to continue?") else { return 0 }
        let client = try call.client()
        var reclaimed: Int64 = 0
        func prune(_ path: String, _ title: String, _ key: String, _ query: [(String, String)]) throws {
            let answer = try client.json("POST", path, query: query)
            reclaimed += answer["SpaceReclaimed"]?.int ?? 0
            var lines: [String] = []
            for item in answer[key]?.array ?? [] {
                if let text = item.string {
                    lines.append(text)
                } else if let tag = item["Untagged"]?.string, !tag.isEmpty {
                    lines.append("untagged: " + tag)
                } else {
                    lines.append("deleted: " + (item["Deleted"]?.string ?? ""))
                }
            }
            if !lines.isEmpty { call.console.out("\(title):\n" + lines.map { $0 + "\n" }.joined() + "\n") }
        }
        try prune("/containers/prune", "Deleted Containers", "ContainersDeleted", call.filterQuery())
        try prune("/networks/prune", "Deleted Networks", "NetworksDeleted", call.filterQuery())
        if volumes { try prune("/volumes/prune", "Deleted Volumes", "VolumesDeleted", call.filterQuery()) }
        try prune(
            "/images/prune", "Deleted Images", "ImagesDeleted", call.filterQuery([("dangling", all ? "false" : "true")]))
        call.console.line("Total reclaimed space: " + SizeText.long(reclaimed))
        return 0
    }
}
