// SPDX-License-Identifier: Apache-2.0
// `events`: the daemon's events as they happen.
import DockerClient
import JSON
import Primitives

/// `apus events`.
enum EventsCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        var query: [(String, String)] = []
        for name in ["since", "until"] where call.flags.isSet(name) {
            query.append((name, try TimeArgument.unix(call.flags.string(name))))
        }
        var source = call.flags.string("format")
        if source == "json" { source = "{{json .}}" }
        var template: Template?
        if !source.isEmpty {
            do {
                template = try Template(Text.replacing(Text.replacing(source, "\\t", with: "\t"), "\\n", with: "\n"))
            } catch {
                throw ExitError(64, "Error parsing format: \(error)")
            }
        }
        let response = try call.client().call("GET", "/events", query: query + call.filterQuery())
        var messages = JSONLines(response)
        while let event = try messages.next() {
            call.console.line(try template.map { try shown(event, $0) } ?? text(event))
            call.console.flush()
        }
        return 0
    }

    private static func shown(_ event: JSONValue, _ template: Template) throws -> String {
        do { return try template.execute(.json(event)) } catch { throw ExitError(64, "Error parsing format: \(error)") }
    }

    /// `2020-…Z container start <id> (image=…, name=…)`
    static func text(_ event: JSONValue) -> String {
        var line = ""
        if let nano = event["timeNano"]?.int, nano != 0 {
            line = LocalTime.rfc3339(Timestamp(unixNanoseconds: nano), nanoseconds: true) + " "
        } else if let time = event["time"]?.int, time != 0 {
            line = LocalTime.rfc3339(Timestamp(seconds: time), nanoseconds: true) + " "
        }
        line += "\(event["Type"]?.string ?? "") \(event["Action"]?.string ?? "") \(event["Actor"]?["ID"]?.string ?? "")"
        let attributes = (event["Actor"]?["Attributes"]?.object?.fields ?? []).sorted { $0.key < $1.key }
        if !attributes.isEmpty {
            line += " (" + attributes.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ", ") + ")"
        }
        return line
    }
}
