// SPDX-License-Identifier: Apache-2.0
// resolv.conf(5): the host's read, the container's written.
import Primitives

/// The settings of a resolver.
struct ResolvConf: Sendable, Equatable {
    var nameservers: [String] = []
    var search: [String] = []
    var options: [String] = []

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let content = line.prefix { $0 != "#" && $0 != ";" }
            let words = content.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let keyword = words.first else { continue }
            switch keyword {
            case "nameserver": nameservers += words.dropFirst().prefix(1)
            case "search", "domain": search = Array(words.dropFirst())
            case "options": options += words.dropFirst()
            default: break
            }
        }
    }

    /// What a container gets: its own settings where given, else the host's as far as it can reach them. Addresses of the
    /// host's loopback mean something else inside; without any other, public resolvers stand in, as Docker does.
    func text(for request: NetworkFilesRequest) -> String {
        var result = self
        if !request.dns.isEmpty {
            result.nameservers = request.dns
        } else if !request.usesHostNetwork {
            result.nameservers = nameservers.filter { server in
                IPAddress(server).map { $0.isV4 && !$0.isLoopback } ?? false
            }
            if result.nameservers.isEmpty { result.nameservers = ["8.8.8.8", "8.8.4.4"] }
        }
        // "." as the only search domain means: none.
        if !request.dnsSearch.isEmpty { result.search = request.dnsSearch == ["."] ? [] : request.dnsSearch }
        if !request.dnsOptions.isEmpty { result.options = request.dnsOptions }
        var lines = result.nameservers.map { "nameserver \($0)" }
        if !result.search.isEmpty { lines.append("search " + result.search.joined(separator: " ")) }
        if !result.options.isEmpty { lines.append("options " + result.options.joined(separator: " ")) }
        return lines.joined(separator: "\n") + "\n"
    }
}
