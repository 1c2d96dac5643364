// SPDX-License-Identifier: Apache-2.0
// Where a daemon listens: the parsed form of `-H`, `DOCKER_HOST` and a context's `Host`.

/// The address of a daemon, with the TLS files if the connection is to be encrypted.
package struct HostEndpoint: Sendable, Equatable {
    package enum Address: Sendable, Equatable {
        case unix(path: String)
        case tcp(host: String, port: String)
        /// Anything after `ssh://`, given to the ssh program as it is: `user@host:port`.
        case ssh(user: String?, host: String, port: String?, path: String)
    }

    /// Files of a TLS connection; a missing one is left out.
    package struct TLSFiles: Sendable, Equatable {
        package var authority: String?
        package var certificate: String?
        package var key: String?
        package var verifies: Bool

        package init(authority: String? = nil, certificate: String? = nil, key: String? = nil, verifies: Bool = true) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
            self.verifies = verifies
        }
    }

    package var address: Address
    package var tls: TLSFiles?
    /// As the user wrote it; error messages show it.
    package var text: String

    package init(address: Address, tls: TLSFiles? = nil, text: String) {
        self.address = address
        self.tls = tls
        self.text = text
    }

    /// Reads `unix:///run/x.sock`, `tcp://host:2375`, `ssh://user@host`, `host:port`, `/path`, `fd://` is refused.
    package init(parsing text: String, tls: TLSFiles? = nil) throws(ClientError) {
        let (scheme, rest) = HostEndpoint.split(text)
        self.text = text
        self.tls = tls
        switch scheme {
        case "unix":
            address = .unix(path: rest.isEmpty ? "/var/run/docker.sock" : rest)
        case "tcp", "http", "https":
            let authority = String(rest.prefix { $0 != "/" })
            let (host, port) = HostEndpoint.hostAndPort(authority)
            let standard = tls == nil && scheme != "https" ? "2375" : "2376"
            address = .tcp(host: host.isEmpty ? "127.0.0.1" : host, port: port ?? standard)
            if scheme == "https", tls == nil { self.tls = TLSFiles() }
            self.text = "tcp://\(authority)"
        case "ssh":
            var authority = String(rest.prefix { !"/?#".contains($0) })
            let path = String(rest.dropFirst(authority.count))
            for (mark, what) in [("?", "query parameters are"), ("#", "fragments are")] {
                guard let (_, extra) = Text.cut(path, mark) else { continue }
                throw HostEndpoint.invalidSSH("\(what) not allowed: \"\(extra)\"")
            }
            var user: String?
            if let at = authority.lastIndex(of: "@") {
                user = String(authority[..<at])
                authority = String(authority[authority.index(after: at)...])
            }
            if user?.contains(":") == true {
                throw HostEndpoint.invalidSSH("plain-text password is not supported")
            }
            let (host, port) = HostEndpoint.hostAndPort(authority)
            // A name that looks like an option must not become one of ssh's.
            guard !host.isEmpty else { throw HostEndpoint.invalidSSH("hostname is empty") }
            guard !host.hasPrefix("-"), user?.hasPrefix("-") != true else {
                throw HostEndpoint.invalidSSH("user and host must not start with a dash: \"\(authority)\"")
            }
            address = .ssh(user: user, host: host, port: port, path: path)
        default:
            throw EndpointResolver.unusable("invalid bind address format: \(text)")
        }
    }

    private static func invalidSSH(_ reason: String) -> ClientError {
        .configuration("Failed to initialize: ssh host connection is not valid: invalid SSH URL: " + reason)
    }

    private static func split(_ text: String) -> (scheme: String, rest: String) {
        if let (scheme, rest) = Text.cut(text, "://") { return (scheme, rest) }
        if text.isEmpty { return ("unix", "/var/run/docker.sock") }
        if text.hasPrefix("/") { return ("unix", text) }
        return ("tcp", text)
    }

    private static func hostAndPort(_ text: String) -> (host: String, port: String?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            return (host, rest.hasPrefix(":") ? String(rest.dropFirst()) : nil)
        }
        guard let colon = text.lastIndex(of: ":") else { return (text, nil) }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
}
