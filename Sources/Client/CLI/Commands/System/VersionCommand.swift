// SPDX-License-Identifier: Apache-2.0
// `version`: both ends of the connection.
import DockerClient
import JSON
import Primitives

/// `apus version`.
enum VersionCommand {
    private static let layout = """
        {{with .Client -}}
        Client:
         Version:\t{{.Version}}
         API version:\t{{.ApiVersion}}{{if ne .ApiVersion .DefaultAPIVersion}} (downgraded from {{.DefaultAPIVersion}}){{end}}
         Go version:\t{{.GoVersion}}
         Git commit:\t{{.GitCommit}}
         Built:\t{{.BuildTime}}
         OS/Arch:\t{{.Os}}/{{.Arch}}
         Context:\t{{.Context}}
        {{- end}}

        {{- if ne .Server nil}}{{with .Server}}

        Server:{{if ne .Platform.Name ""}} {{.Platform.Name}}{{end}}
         {{- range $component := .Components}}
         {{$component.Name}}:
          {{- if eq $component.Name "Engine" }}
          Version:\t{{.Version}}
          API version:\t{{index .Details "ApiVersion"}} (minimum version {{index .Details "MinAPIVersion"}})
          Go version:\t{{index .Details "GoVersion"}}
          Git commit:\t{{index .Details "GitCommit"}}
          Built:\t{{index .Details "BuildTime"}}
          OS/Arch:\t{{index .Details "Os"}}/{{index .Details "Arch"}}
          Experimental:\t{{index .Details "Experimental"}}
          {{- else }}
          Version:\t{{$component.Version}}
          {{- $detailsOrder := getDetailsOrder $component}}
          {{- range $key := $detailsOrder}}
          {{$key}}:\t{{index $component.Details $key}}
           {{- end}}
          {{- end}}
         {{- end}}
         {{- end}}{{- end}}
        """

    static func run(_ call: Invocation) throws -> Int32 {
        var source = call.flags.string("format")
        if source == "json" { source = "{{json .}}" }
        // The layout's Docker-only function is replaced before parsing; details come in sorted order anyway.
        let isLayout = source.isEmpty
        if isLayout {
            source = Text.replacing(
                layout, "{{- $detailsOrder := getDetailsOrder $component}}\n  {{- range $key := $detailsOrder}}",
                with: "{{- range $key, $detail := $component.Details}}")
        }
        let template: Template
        do { template = try Template(source) } catch { throw ExitError(64, "template parsing error: \(error)") }
        var failure: (any Error)?
        var server = JSONValue.null
        var version = DockerClient.maximumVersion
        do {
            let client = try call.client()
            version = try client.apiVersion()
            server = withDefaults(try client.json("GET", "/version"))
        } catch let error as ClientError {
            // Without an endpoint there is no client either.
            if case .configuration = error { throw error }
            failure = error
        } catch { failure = error }
        let built =
            Timestamp(rfc3339: BuildInformation.time).map { LocalTime.ansiC($0) } ?? BuildInformation.time
        let client: JSONValue = [
            "Version": .string(Version.current), "ApiVersion": .string(version),
            "DefaultAPIVersion": .string(DockerClient.maximumVersion), "GitCommit": .string(BuildInformation.commit),
            "GoVersion": .string(BuildInformation.compiler), "Os": "linux",
            "Arch": .string(BuildInformation.architecture),
            "BuildTime": .string(built), "Context": .string(try call.settings.contextName()),
        ]
        var output: String
        do {
            output = try template.execute(.json(["Client": client, "Server": server]))
        } catch {
            call.console.line("")
            throw CommandError("\(error)")
        }
        if isLayout { output = TabWriter.align(output, minimum: 20, padding: 1) }
        call.console.line(output)
        if let failure { throw failure }
        return 0
    }

    /// The order the stock client prints the server's fields in; daemons may send them in any.
    private static let order = [
        "Platform", "Components", "Version", "ApiVersion", "MinAPIVersion", "GitCommit", "GoVersion", "Os", "Arch",
        "KernelVersion", "Experimental", "BuildTime",
    ]

    private static func ordered(_ object: JSONObject, by keys: [String]) -> JSONObject {
        var result = JSONObject()
        for key in keys { if let value = object[key] { result[key] = value } }
        for field in object.fields where !keys.contains(field.key) { result[field.key] = field.value }
        return result
    }

    /// Older daemons list no components: then the engine is made from the top-level fields.
    private static func withDefaults(_ answer: JSONValue) -> JSONValue {
        guard var object = answer.object else { return answer }
        if object["Platform"] == nil { object["Platform"] = ["Name": ""] }
        if let built = object["BuildTime"]?.string, let moment = Timestamp(rfc3339: built) {
            object["BuildTime"] = .string(LocalTime.ansiC(moment))
        }
        var components = object["Components"]?.array ?? []
        if components.isEmpty {
            components = [["Name": "Engine", "Version": object["Version"] ?? "", "Details": .object(object)]]
        }
        object["Components"] = .array(
            components.map { component in
                guard var fields = component.object, var details = fields["Details"]?.object else { return component }
                if let built = details["BuildTime"]?.string, let moment = Timestamp(rfc3339: built) {
                    details["BuildTime"] = .string(LocalTime.ansiC(moment))
                }
                fields["Details"] = .object(details)
                return .object(ordered(fields, by: ["Name", "Version", "Details"]))
            })
        // The stock client omits these two when they say nothing.
        for key in ["Experimental", "BuildTime"] where object[key] == "" || object[key] == false { object[key] = nil }
        return .object(ordered(object, by: order))
    }
}
