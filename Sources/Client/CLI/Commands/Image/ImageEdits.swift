// SPDX-License-Identifier: Apache-2.0
// tag and rmi.
import DockerClient
import JSON

/// Names of images come and go.
enum ImageEdits {
    static func tag(_ call: Invocation) throws -> Int32 {
        let target: ImageName.Parts
        do { target = try ImageName.parse(call.operands[1]) } catch {
            throw CommandError(
                "Error parsing reference: \(Quoted.go(call.operands[1])) is not a valid repository/tag: \(error)")
        }
        if target.digest != nil { throw CommandError("refusing to create a tag with a digest reference") }
        try call.client().perform(
            "POST", "/images/\(URLText.path(call.operands[0]))/tag",
            query: [("repo", target.name), ("tag", target.tag ?? "latest")])
        return 0
    }

    static func remove(_ call: Invocation) throws -> Int32 {
        var query: [(String, String)] = []
        if call.flags.bool("force") { query.append(("force", "1")) }
        if call.flags.bool("no-prune") { query.append(("noprune", "1")) }
        for platform in call.flags.slice("platform") {
            query.append(("platforms", try PlatformText.json(platform, label: "")))
        }
        let client = try call.client()
        var failures: [String] = []
        var isFatal = false
        for name in call.operands {
            do {
                let answer = try client.json("DELETE", "/images/\(URLText.path(name))", query: query)
                for item in answer.array ?? [] {
                    if let deleted = item["Deleted"]?.string {
                        call.console.line("Deleted: \(deleted)")
                    } else if let untagged = item["Untagged"]?.string {
                        call.console.line("Untagged: \(untagged)")
                    }
                }
            } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                failures.append("\(error)")
                if error.status != 404 { isFatal = true }
            }
        }
        if failures.isEmpty { return 0 }
        call.console.err(failures.joined(separator: "\n") + "\n")
        return isFatal || !call.flags.bool("force") ? 1 : 0
    }
}
