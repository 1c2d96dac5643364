// SPDX-License-Identifier: Apache-2.0
// Which daemon a command speaks to: flags, then environment, then the context of the configuration folder, then the default.
import Glibc
import Linux

/// The flags that choose a daemon, as the top-level parser found them.
package struct EndpointFlags: Sendable, Equatable {
    package var hosts: [String] = []
    package var context: String?
    package var configurationFolder: String?
    package var tls = false
    package var tlsVerify: Bool?
    package var authority: String?
    package var certificate: String?
    package var key: String?

    package init() {}
}

/// Decides the endpoint in Docker's order: `-H`, `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext` of
/// config.json, default socket.
package struct EndpointResolver: Sendable {
    package let flags: EndpointFlags
    package let environment: [String: String]

    package init(flags: EndpointFlags, environment: [String: String]) {
        self.flags = flags
        self.environment = environment
    }

    /// The socket of a daemon that was started on this machine without further options: the machine's, if we may use it, or
    /// the user's own.
    package static var defaultSocket: String {
        let system = "/run/apus/apus.sock"
        let own = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) + "/apus.sock" }
        if let usable = [system, own].compactMap(\.self).first(where: { access($0, R_OK | W_OK) == 0 }) {
            return usable
        }
        return access(system, F_OK) == 0 ? system : "/var/run/docker.sock"
    }

    package var configurationFolder: String {
        if let folder = flags.configurationFolder { return folder }
        if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty { return folder }
        return (environment["HOME"] ?? "/root") + "/.docker"
    }

    /// The name of the context in use: `default` when a host is named directly.
    package func contextName(currentContext: String?) throws(ClientError) -> String {
        if flags.context != nil, !flags.hosts.isEmpty {
            throw .configuration("conflicting options: cannot specify both --host and --context")
        }
        if let context = flags.context { return context }
        if !flags.hosts.isEmpty { return "default" }
        if let host = environment["DOCKER_HOST"], !host.isEmpty { return "default" }
        if let context = environment["DOCKER_CONTEXT"], !context.isEmpty { return context }
        return currentContext.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
    }

    package func resolve(currentContext: String?) throws(ClientError) -> HostEndpoint {
        let name = try contextName(currentContext: currentContext)
        if name != "default" { return try ContextStore(folder: configurationFolder + "/contexts").endpoint(of: name) }
        if flags.hosts.count > 1 { throw EndpointResolver.unusable("Specify only one -H") }
        let tls = try tlsFiles
        if let host = flags.hosts.first ?? environment["DOCKER_HOST"].flatMap({ $0.isEmpty ? nil : $0 }) {
            return try HostEndpoint(parsing: host, tls: isLocal(host) ? nil : tls)
        }
        if tls != nil { return try HostEndpoint(parsing: "tcp://localhost:2376", tls: tls) }
        return try HostEndpoint(parsing: "unix://" + EndpointResolver.defaultSocket)
    }

    /// The stock client's words for a configuration from which no endpoint can be made.
    static func unusable(_ reason: String) -> ClientError {
        .configuration("Failed to initialize: unable to resolve docker endpoint: " + reason)
    }

    private func isLocal(_ host: String) -> Bool {
        host.hasPrefix("unix://") || host.hasPrefix("ssh://") || host.hasPrefix("/")
    }

    /// TLS is on with `--tls`, `--tlsverify` or `DOCKER_TLS_VERIFY`; `--tlsverify=false` asks for encryption without a check.
    /// A file that was named, or that the check needs, must be there.
    private var tlsFiles: HostEndpoint.TLSFiles? {
        get throws(ClientError) {
            let fromEnvironment = environment["DOCKER_TLS_VERIFY"].map { !$0.isEmpty } ?? false
            let verify = flags.tlsVerify ?? fromEnvironment
            guard
                flags.tls || flags.tlsVerify != nil || fromEnvironment || environment["DOCKER_TLS"]?.isEmpty == false
            else { return nil }
            let folder = environment["DOCKER_CERT_PATH"].flatMap { $0.isEmpty ? nil : $0 } ?? configurationFolder
            func file(_ flag: String?, _ name: String, isNeeded: Bool = false) throws(ClientError) -> String? {
                let path = flag ?? folder + "/" + name
                if access(path, R_OK) == 0 { return path }
                if flag == nil, !isNeeded { return nil }
                throw EndpointResolver.unusable("open \(path): \(Errno.message(errno))")
            }
            // As in the stock client it must be there even when nothing is checked against it.
            let authority = try file(flags.authority, "ca.pem", isNeeded: true)
            return HostEndpoint.TLSFiles(
                authority: verify ? authority : nil, certificate: try file(flags.certificate, "cert.pem"),
                key: try file(flags.key, "key.pem"), verifies: verify)
        }
    }
}
