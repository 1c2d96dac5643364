// SPDX-License-Identifier: Apache-2.0
// One call of a command: its flags and operands, and the world it may touch (streams, environment, daemon).
package import DockerClient
package import JSON

/// Given to a command's `run`.
package final class Invocation {
    /// `apus`, or `docker` when called by that name.
    package let program: String
    /// `docker container ls` without the program.
    package let path: String
    package let flags: FlagValues
    package let operands: [String]
    package let console: Console
    package let settings: Settings

    package init(
        program: String, path: String, flags: FlagValues, operands: [String], console: Console, settings: Settings
    ) {
        self.program = program
        self.path = path
        self.flags = flags
        self.operands = operands
        self.console = console
        self.settings = settings
    }

    private var connected: DockerClient?

    package func client() throws -> DockerClient {
        if let connected { return connected }
        let client = try settings.makeClient()
        connected = client
        return client
    }

    /// Runs `body` for each operand; failures are printed and make the exit code 1.
    package func forEachOperand(_ body: (String) throws -> Void) throws -> Int32 {
        var failed = false
        for operand in operands {
            do { try body(operand) } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                failed = true
                console.err("\(error)\n")
            }
        }
        return failed ? 1 : 0
    }

    /// Asks before something is deleted; true with `--force` or the answer y.
    package func confirms(_ warning: String) -> Bool {
        if flags.bool("force") { return true }
        console.out(warning + " [y/N] ")
        console.flush()
        let answer = readLine(strippingNewline: true) ?? ""
        return answer.lowercased() == "y"
    }

    /// `--filter a=b --filter a=c` as the API's JSON, or nothing.
    package func filterQuery(_ extra: [(String, String)] = []) -> [(String, String)] {
        var filters = JSONObject()
        let given = flags.list("filter").filter { !$0.isEmpty }.map { text -> (String, String) in
            let (name, value) = Text.cut(text, "=") ?? (text, "")
            return (Text.trimmed(name).lowercased(), Text.trimmed(value))
        }
        for (name, value) in (given + extra).sorted(by: { $0.0 < $1.0 }) {
            var values = filters[name]?.object ?? JSONObject()
            values[value] = true
            filters[name] = .object(values)
        }
        return filters.isEmpty ? [] : [("filters", JSONValue.object(filters).text())]
    }
}

/// Flags of the program itself and the environment, from which a client is made.
package struct Settings: Sendable {
    package var endpoint = EndpointFlags()
    package var environment: [String: String]
    package var isDebug = false

    package init(environment: [String: String]) { self.environment = environment }

    package var resolver: EndpointResolver { EndpointResolver(flags: endpoint, environment: environment) }

    /// config.json; an absent file is an empty object.
    package func configuration() -> JSONValue {
        guard let bytes = FileText.bytes(resolver.configurationFolder + "/config.json"),
            let json = try? JSONValue.parse(bytes)
        else { return .object(JSONObject()) }
        return json
    }

    package func makeClient() throws -> DockerClient {
        let configuration = configuration()
        let headers = configuration["HttpHeaders"]?.object?.fields.compactMap { field in
            field.value.string.map { (field.key, $0) }
        }
        return DockerClient(
            endpoint: try resolver.resolve(currentContext: configuration["currentContext"]?.string),
            apiVersion: environment["DOCKER_API_VERSION"], userAgent: "Docker-Client/\(Version.current) (linux)",
            headers: headers ?? [])
    }

    package func contextName() throws -> String {
        try resolver.contextName(currentContext: configuration()["currentContext"]?.string)
    }
}

/// The release of this program.
package enum Version {
    package static let current = "0.1.0"
}
