// SPDX-License-Identifier: Apache-2.0
// The contents of a container's /etc/hosts, /etc/hostname and /etc/resolv.conf.
package import Primitives

/// What decides a container's network files.
package struct NetworkFilesRequest: Sendable {
    package var hostname = ""
    package var domainName = ""
    /// Addresses the host name stands for: those of the endpoints.
    package var addresses: [IPAddress] = []
    /// `--add-host`: `name:address` or `name:host-gateway` (also with `=` as the separator).
    package var extraHosts: [String] = []
    /// `--dns`, `--dns-search`, `--dns-option`; empty: the daemon's, then the host's.
    package var dns: [String] = []
    package var dnsSearch: [String] = []
    package var dnsOptions: [String] = []
    /// Host mode takes the host's files as they are, with `extraHosts` appended.
    package var usesHostNetwork = false
    /// `none`: hosts file without own address.
    package init() {}
}

/// The three files.
package struct NetworkFiles: Sendable, Equatable {
    package var hosts: String
    package var hostname: String
    package var resolvConf: String
}

extension NetworkStack {
    /// Contents for a container with these settings.
    package func files(for request: NetworkFilesRequest) async throws -> NetworkFiles {
        throw EngineError.notImplemented("")
    }
}
