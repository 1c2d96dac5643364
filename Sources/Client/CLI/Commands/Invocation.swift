// SPDX-License-Identifier: Apache-2.0
// One call of a command: its flags and operands, and the world it may touch (streams, environment, daemon).
package import DockerClient
import Glibc
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

    /// As `filterQuery`, with the `pruneFilters` of config.json; the opposite on the command line goes before one.
    package func pruneQuery(_ extra: [(String, String)] = []) -> [(String, String)] {
        let given = Set(flags.list("filter"))
        let configured = (settings.configuration()["pruneFilters"]?.strings ?? []).compactMap {
            text -> (String, String)? in
            guard let (name, value) = Text.cut(text, "="), !value.isEmpty else { return nil }
            let opposite = name.hasSuffix("!") ? String(name.dropLast()) : name + "!"
            return given.contains("\(opposite)=\(value)") ? nil : (name, value)
        }
        return filterQuery(extra + configured)
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

    /// config.json; an absent file is an empty object, and so is one that cannot be read (`configurationProblem`).
    package func configuration() -> JSONValue { (try? readConfiguration()) ?? .object(JSONObject()) }

    /// What is wrong with config.json, nil when it is fine or absent.
    package func configurationProblem() -> String? {
        do { _ = try readConfiguration() } catch {
            return "Error parsing config file (\(configurationFile)): \(error)"
        }
        return nil
    }

    private var configurationFile: String { resolver.configurationFolder + "/config.json" }

    private func readConfiguration() throws -> JSONValue {
        let path = configurationFile
        guard let bytes = FileText.bytes(path) else {
            if errno == ENOENT || errno == ENOTDIR { return .object(JSONObject()) }
            throw CommandError("open \(path): \(ErrnoText.current)")
        }
        let json = try JSONValue.parse(bytes)
        guard let object = json.object else { throw CommandError("it is no JSON object") }
        let texts = [
            "psFormat", "imagesFormat", "networksFormat", "volumesFormat", "detachKeys", "currentContext",
        ]
        for key in texts where object[key] != nil && object[key] != .null && object[key]?.string == nil {
            throw CommandError("\(key) is no string")
        }
        return json
    }

    /// The variables that `proxies` of config.json gives to containers made through `host`, both spellings.
    package func proxyVariables(_ host: String) -> [(name: String, value: String)] {
        let proxies = configuration()["proxies"]
        let chosen = proxies?[host] ?? proxies?["default"]
        let keys = [
            ("HTTP_PROXY", "httpProxy"), ("HTTPS_PROXY", "httpsProxy"), ("NO_PROXY", "noProxy"),
            ("FTP_PROXY", "ftpProxy"), ("ALL_PROXY", "allProxy"),
        ]
        return keys.flatMap { name, key -> [(name: String, value: String)] in
            guard let value = chosen?[key]?.string, !value.isEmpty else { return [] }
            return [(name, value), (name.lowercased(), value)]
        }
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
