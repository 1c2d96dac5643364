// SPDX-License-Identifier: Apache-2.0
// `events`: what happens in the daemon, as it happens.
import DockerClient
import JSON
import Primitives

/// Prints events.
enum EventsCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let format = call.flags.string("format")
        let template: Template?
        do {
            template = format.isEmpty || format == "json" ? nil : try Template(
                Text.replacing(Text.replacing(format, "\\t", with: "\t"), "\\n", with: "\n"))
        } catch { throw ExitError(64, "Error parsing format: \(error)") }
        var query = call.filterQuery()
        for name in ["since", "until"] where call.flags.isSet(name) {
            query.append((name, DateText.unix(call.flags.string(name))))
        }
        let response = try call.client().call("GET", "/events", query: query)
        var messages = JSONLines(response)
        while let event = try messages.next() {
            if format == "json" {
                call.console.line(event.text(escapesHTML: true))
            } else if let template {
                do { call.console.line(try template.execute(.json(event))) } catch { throw CommandError("\(error)") }
            } else {
                call.console.line(text(event))
            }
            call.console.flush()
        }
        return 0
    }

    private static func text(_ event: JSONValue) -> String {
        var line = ""
        if let nanoseconds = event["timeNano"]?.int, nanoseconds != 0 {
            line += DateText.rfc3339Nano(Timestamp(unixNanoseconds: nanoseconds)) + " "
        } else if let seconds = event["time"]?.int, seconds != 0 {
            line += DateText.rfc3339Nano(Timestamp(seconds: seconds)) + " "
        }
        let actor = event["Actor"]
        line += "\(event["Type"]?.string ?? "") \(event["Action"]?.string ?? "") \(actor?["ID"]?.string ?? "")"
        let attributes = (actor?["Attributes"]?.object?.fields ?? []).sorted { $0.key < $1.key }
        if !attributes.isEmpty {
            line += " (" + attributes.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ", ") + ")"
        }
        return line
    }
}
