// SPDX-License-Identifier: Apache-2.0
// The prune commands: ask, delete what is unused, say what was won.
import DockerClient
import JSON

/// Removing what nobody uses.
enum PruneCommands {
    private static let containerWarning =
        "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"

    static func containers(_ call: Invocation) throws -> Int32 {
        guard call.confirms(containerWarning) else { return 0 }
        let answer = try call.client().json("POST", "/containers/prune", query: call.pruneQuery())
        print(call, "Deleted Containers:", answer["ContainersDeleted"]?.strings ?? [])
        total(call, answer)
        return 0
    }

    static func networks(_ call: Invocation) throws -> Int32 {
        let warning =
            "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?"
        guard call.confirms(warning) else { return 0 }
        let answer = try call.client().json("POST", "/networks/prune", query: call.pruneQuery())
        print(call, "Deleted Networks:", answer["NetworksDeleted"]?.strings ?? [])
        return 0
    }

    static func volumes(_ call: Invocation) throws -> Int32 {
        let all = call.flags.bool("all")
        let warning =
            all
            ? "WARNING! This will remove all local volumes not used by at least one container.\nAre you sure you want to continue?"
            : "WARNING! This will remove anonymous local volumes not used by at least one container.\nAre you sure you want to continue?"
        guard call.confirms(warning) else { return 0 }
        let answer = try call.client().json(
            "POST", "/volumes/prune", query: call.pruneQuery(all ? [("all", "true")] : []))
        print(call, "Deleted Volumes:", answer["VolumesDeleted"]?.strings ?? [])
        total(call, answer)
        return 0
    }

    static func images(_ call: Invocation) throws -> Int32 {
        let all = call.flags.bool("all")
        let warning =
            all
            ? "WARNING! This will remove all images without at least one container associated to them.\nAre you sure you want to continue?"
            : "WARNING! This will remove all dangling images.\nAre you sure you want to continue?"
        guard call.confirms(warning) else { return 0 }
        try images(call, all: all)
        return 0
    }

    @discardableResult
    private static func images(_ call: Invocation, all: Bool, showsTotal: Bool = true) throws -> Int64 {
        let answer = try call.client().json(
            "POST", "/images/prune", query: call.pruneQuery([("dangling", all ? "false" : "true")]))
        let lines = (answer["ImagesDeleted"]?.array ?? []).compactMap { item in
            item["Untagged"]?.string.map { "untagged: \($0)" } ?? item["Deleted"]?.string.map { "deleted: \($0)" }
        }
        print(call, "Deleted Images:", lines)
        if showsTotal { total(call, answer) }
        return answer["SpaceReclaimed"]?.int ?? 0
    }

    static func system(_ call: Invocation) throws -> Int32 {
        let (all, volumes) = (call.flags.bool("all"), call.flags.bool("volumes"))
        if volumes, call.flags.list("filter").contains(where: { $0.hasPrefix("until=") }) {
            throw CommandError("ERROR: The \"until\" filter is not supported with \"--volumes\"")
        }
        var warning =
            "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
        if volumes { warning += "  - all anonymous volumes not used by at least one container\n" }
        warning +=
            all
            ? "  - all images without at least one container associated to them\n" : "  - all dangling images\n"
        warning += "  - unused build cache\n"
        let filters = call.flags.list("filter").filter { !$0.isEmpty }
        if !filters.isEmpty {
            warning +=
                "\n  Items to be pruned will be filtered with:\n" + filters.sorted().map { "  - \($0)\n" }.joined()
        }
        warning += "\nAre you sure you want to continue?"
        guard call.confirms(warning) else { return 0 }
        let client = try call.client()
        var reclaimed: Int64 = 0
        let containers = try client.json("POST", "/containers/prune", query: call.pruneQuery())
        print(call, "Deleted Containers:", containers["ContainersDeleted"]?.strings ?? [])
        reclaimed += containers["SpaceReclaimed"]?.int ?? 0
        let networks = try client.json("POST", "/networks/prune", query: call.pruneQuery())
        print(call, "Deleted Networks:", networks["NetworksDeleted"]?.strings ?? [])
        if volumes {
            let answer = try client.json("POST", "/volumes/prune", query: call.pruneQuery())
            print(call, "Deleted Volumes:", answer["VolumesDeleted"]?.strings ?? [])
            reclaimed += answer["SpaceReclaimed"]?.int ?? 0
        }
        reclaimed += try images(call, all: all, showsTotal: false)
        do {
            let answer = try client.json(
                "POST", "/build/prune", query: (all ? [("all", "1")] : []) + call.pruneQuery())
            print(call, "Deleted build cache objects:", answer["CachesDeleted"]?.strings ?? [])
            reclaimed += answer["SpaceReclaimed"]?.int ?? 0
        } catch let error as ClientError where error.status == 404 || error.status == 501 {
            // A daemon without a builder has no cache to remove.
        }
        call.console.line("Total reclaimed space: \(SizeText.long(reclaimed))")
        return 0
    }

    private static func print(_ call: Invocation, _ title: String, _ names: [String]) {
        guard !names.isEmpty else { return }
        call.console.out(title + "\n" + names.map { $0 + "\n" }.joined() + "\n")
    }

    private static func total(_ call: Invocation, _ answer: JSONValue) {
        call.console.line("Total reclaimed space: \(SizeText.long(answer["SpaceReclaimed"]?.int ?? 0))")
    }
}
