// SPDX-License-Identifier: Apache-2.0
// Which registries may be spoken to in plain HTTP, and where mirrors stand.
import Primitives

/// The daemon's settings about registries.
package struct RegistryPolicy: Sendable {
    /// `host`, `host:port` or CIDR ranges that may be plain HTTP or have unverifiable certificates.
    package var insecure: [String]
    /// URLs asked before docker.io.
    package var mirrors: [String]

    package init(insecure: [String] = [], mirrors: [String] = []) {
        self.insecure = insecure
        self.mirrors = mirrors
    }

    /// The places to ask for a domain, in order: `https://…`, `http://…`.
    func endpoints(for domain: String, forPush: Bool = false) -> [Endpoint] {
        if domain == "docker.io" {
            let main = Endpoint(url: "https://registry-1.docker.io", isInsecure: false)
            let others = mirrors.map {
                Endpoint(url: $0.hasSuffix("/") ? String($0.dropLast()) : $0, isInsecure: true, isMirror: true)
            }
            return forPush ? [main] : others + [main]
        }
        let secure = Endpoint(url: "https://" + domain, isInsecure: false)
        guard isInsecure(domain) else { return [secure] }
        // Loopback registries are plain nearly always: asking them first in TLS would cost each pull a failed handshake.
        return [
            Endpoint(url: "http://" + domain, isInsecure: true), Endpoint(url: "https://" + domain, isInsecure: true),
        ]
    }

    struct Endpoint: Sendable, Equatable {
        var url: String
        var isInsecure: Bool
        /// Somebody else's copy: it is not shown the credentials of what it copies.
        var isMirror = false
    }

    /// 127.0.0.0/8, ::1 and localhost always are, as for Docker.
    package func isInsecure(_ domain: String) -> Bool {
        let host = Self.host(domain)
        if host == "localhost" || host == "::1" { return true }
        if insecure.contains(domain) || insecure.contains(host) { return true }
        guard let address = IPAddress(host) else { return false }
        let ranges = ["127.0.0.0/8"] + insecure
        return ranges.contains { CIDR($0)?.contains(address) == true }
    }

    private static func host(_ domain: String) -> String {
        if domain.hasPrefix("["), let end = domain.firstIndex(of: "]") {
            return String(domain[domain.index(after: domain.startIndex)..<end])
        }
        guard let colon = domain.lastIndex(of: ":") else { return domain }
        return String(domain[..<colon])
    }
}
