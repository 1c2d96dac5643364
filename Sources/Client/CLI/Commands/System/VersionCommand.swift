// SPDX-License-Identifier: Apache-2.0
// `version`: both sides of the socket.
import DockerClient
import JSON
import Linux
import Primitives

/// Prints versions of client and daemon.
enum VersionCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        var failure: (any Error)?
        var server: JSONValue?
        var negotiated = DockerClient.maximumVersion
        do {
            let client = try call.client()
            negotiated = try client.apiVersion()
            server = try client.json("GET", "/version")
        } catch { failure = error }
        let context = try call.settings.contextName()
        let client: JSONValue = [
            "Platform": ["Name": "apus"], "Version": .string(Version.current), "ApiVersion": .string(negotiated),
            "DefaultAPIVersion": .string(DockerClient.maximumVersion), "GitCommit": .string(BuildInformation.commit),
            "GoVersion": "", "Os": "linux", "Arch": .string(architecture), "Context": .string(context),
        ]
        let format = call.flags.string("format")
        if !format.isEmpty {
            let document: JSONValue = ["Client": client, "Server": server ?? .null]
            if format == "json" {
                call.console.line(document.text(escapesHTML: true))
            } else {
                do { call.console.line(try Template(format).execute(.json(document))) } catch {
                    throw ExitError(64, "template parsing error: \(error)")
                }
            }
        } else {
            let api = negotiated == DockerClient.maximumVersion ? negotiated : "\(negotiated) (downgraded from \(DockerClient.maximumVersion))"
            var lines = [
                "Client: apus", " Version:\t\(Version.current)", " API version:\t\(api)", " Git commit:\t\(BuildInformation.commit)",
                " OS/Arch:\tlinux/\(architecture)", " Context:\t\(context)",
            ]
            if let server { lines += describe(server) }
            call.console.out(TabColumns.text(lines, minimum: 20, padding: 1))
        }
        if let failure { throw failure }
        return 0
    }

    private static func describe(_ server: JSONValue) -> [String] {
        let platform = server["Platform"]?["Name"]?.string ?? ""
        var lines = ["", "Server:" + (platform.isEmpty ? "" : " \(platform)")]
        func built(_ text: String) -> String { DateText.ansic(text) }
        for component in server["Components"]?.array ?? [] {
            let details = component["Details"]?.object ?? JSONObject()
            lines.append(" \(component["Name"]?.string ?? ""):")
            lines.append("  Version:\t\(component["Version"]?.string ?? "")")
            func add(_ title: String, _ value: String?) { if let value { lines.append("  \(title):\t\(value)") } }
            if component["Name"]?.string == "Engine" {
                add("API version", "\(details["ApiVersion"]?.string ?? "") (minimum version \(details["MinAPIVersion"]?.string ?? ""))")
                add("Go version", details["GoVersion"]?.string)
                add("Git commit", details["GitCommit"]?.string)
                add("Built", details["BuildTime"]?.string.map(built))
                add("OS/Arch", "\(details["Os"]?.string ?? "")/\(details["Arch"]?.string ?? "")")
                add("Experimental", details["Experimental"]?.string ?? "false")
            } else {
                for field in details.fields.sorted(by: { $0.key < $1.key }) { add(field.key, field.value.string) }
            }
        }
        return lines
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}
