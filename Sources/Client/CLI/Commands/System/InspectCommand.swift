// SPDX-License-Identifier: Apache-2.0
// `inspect` of every noun: the daemon's JSON, indented or through a template.
import DockerClient
import JSON

/// Looks objects up and prints them.
enum InspectCommand {
    /// Kinds of objects in the order `inspect` tries them.
    private static let kinds = ["container", "image", "network", "volume"]

    static func any(_ call: Invocation) throws -> Int32 {
        let type = call.flags.string("type")
        if !type.isEmpty {
            guard kinds.contains(type) else {
                if ["node", "service", "task", "plugin", "secret", "config", "swarm"].contains(type) {
                    throw CommandError("apus: inspect of type '\(type)' is not supported yet")
                }
                throw CommandError("unknown type: \(Quoted.go(type))")
            }
            return try run(call) { try fetch(call, type, $0) }
        }
        return try run(call) { name in
            for kind in kinds {
                do { return try fetch(call, kind, name) } catch let error as ClientError where error.status == 404 { continue }
            }
            throw CommandError("Error: No such object: \(name)")
        }
    }

    static func of(_ kind: String) -> @Sendable (Invocation) throws -> Int32 {
        { call in try run(call) { try fetch(call, kind, $0) } }
    }

    private static func fetch(_ call: Invocation, _ kind: String, _ name: String) throws -> JSONValue {
        let segment = URLText.path(name)
        var query: [(String, String)] = []
        let path: String
        switch kind {
        case "container":
            path = "/containers/\(segment)/json"
            if call.flags.bool("size") { query.append(("size", "1")) }
        case "image":
            path = "/images/\(segment)/json"
            if !call.flags.string("platform").isEmpty { query.append(("platform", PlatformText.json(call.flags.string("platform")))) }
        case "network":
            path = "/networks/\(segment)"
            if call.flags.bool("verbose") { query.append(("verbose", "true")) }
        default: path = "/volumes/\(segment)"
        }
        if name.isEmpty { throw CommandError("Error: No such \(kind): ") }
        return try call.client().json("GET", path, query: query)
    }

    private static func run(_ call: Invocation, _ fetch: (String) throws -> JSONValue) throws -> Int32 {
        let format = call.flags.string("format")
        let template: Template?
        do {
            template = format.isEmpty || format == "json" ? nil : try Template(
                Text.replacing(Text.replacing(format, "\\t", with: "\t"), "\\n", with: "\n"))
        } catch { throw ExitError(64, "template parsing error: \(error)") }
        var found: [JSONValue] = []
        var failures: [String] = []
        for operand in call.operands {
            let object: JSONValue
            do { object = try fetch(operand) } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                failures.append("\(error)")
                continue
            } catch {
                failures.append("\(error)")
                continue
            }
            guard let template else {
                found.append(object)
                continue
            }
            do { call.console.line(try template.execute(.json(object))) } catch {
                call.console.out("\n")
                throw CommandError("template parsing error: \(error)")
            }
        }
        if template == nil {
            if format == "json" {
                for object in found { call.console.line(object.text(escapesHTML: true)) }
            } else {
                call.console.line(JSONValue.array(found).text(indent: 4))
            }
        }
        for failure in failures { call.console.err(failure + "\n") }
        return failures.isEmpty ? 0 : 1
    }
}

/// `linux/arm64/v8` as the API's JSON.
enum PlatformText {
    static func json(_ text: String) -> String {
        let parts = Text.split(text, "/")
        var object = JSONObject()
        if parts.count > 1 { object["architecture"] = .string(parts[1]) }
        object["os"] = .string(parts[0])
        if parts.count > 2 { object["variant"] = .string(parts[2]) }
        return JSONValue.object(object).text()
    }
}
