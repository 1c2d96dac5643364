// SPDX-License-Identifier: Apache-2.0
// The contents of a container's /etc/hosts, /etc/hostname and /etc/resolv.conf.
import AsyncSystem
import Glibc
import Linux
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
        var request = request
        if request.dns.isEmpty { request.dns = configuration.dns }
        if request.dnsSearch.isEmpty { request.dnsSearch = configuration.dnsSearch }
        if request.dnsOptions.isEmpty { request.dnsOptions = configuration.dnsOptions }
        let gateway =
            configuration.hostGatewayAddress
            ?? attached.values.first { $0.network.name == "bridge" }?.network.ipv4Pool?.gateway
        let extra = try HostsFile.entries(request.extraHosts, hostGateway: gateway)
        let resolvConf = configuration.hostResolvConf
        return try await Blocking.run { [request] in
            let host = ResolvConf(readText(resolvConf))
            // systemd-resolved listens on the host's loopback, where no container reaches it; its upstreams are here.
            let usable =
                host.nameservers == ["127.0.0.53"] && !request.usesHostNetwork
                ? ResolvConf(readText("/run/systemd/resolve/resolv.conf")) : host
            return NetworkFiles(
                hosts: request.usesHostNetwork
                    ? HostsFile.appended(to: readText("/etc/hosts"), extra) : HostsFile.text(request, extra),
                hostname: request.hostname + "\n",
                resolvConf: usable.text(for: request))
        }
    }
}

/// A file of the host as text; a missing one is empty.
private func readText(_ path: String) -> String {
    guard let file = try? OwnedFD.open(path, O_RDONLY) else { return "" }
    let raw = file.raw
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 1 << 20 {
        let count = read(raw, &buffer, buffer.count)
        if count <= 0 { break }
        bytes += buffer.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
}
