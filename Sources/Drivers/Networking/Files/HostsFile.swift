// SPDX-License-Identifier: Apache-2.0
// /etc/hosts of a container.
import Primitives

enum HostsFile {
    /// One line: an address and its names.
    struct Entry: Sendable, Equatable {
        var address: String
        var names: String
    }

    static func text(_ request: NetworkFilesRequest, _ extra: [Entry]) -> String {
        var lines = [
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            "fe00::\tip6-localnet",
            "ff00::\tip6-mcastprefix",
            "ff02::1\tip6-allnodes",
            "ff02::2\tip6-allrouters",
        ]
        lines += extra.map { "\($0.address)\t\($0.names)" }
        let names =
            request.domainName.isEmpty
            ? request.hostname : "\(request.hostname).\(request.domainName) \(request.hostname)"
        lines += request.addresses.map { "\($0)\t\(names)" }
        return lines.joined(separator: "\n") + "\n"
    }

    static func appended(to host: String, _ extra: [Entry]) -> String {
        let start = host.isEmpty || host.hasSuffix("\n") ? host : host + "\n"
        return start + extra.map { "\($0.address)\t\($0.names)\n" }.joined()
    }

    /// Reads `--add-host` values; `host-gateway` becomes the address given here.
    static func entries(_ values: [String], hostGateway: IPAddress?) throws -> [Entry] {
        try values.map { value in
            guard let separator = value.firstIndex(where: { $0 == ":" || $0 == "=" }), separator != value.startIndex
            else { throw EngineError.invalidArgument("bad format for add-host: \"\(value)\"") }
            let name = String(value[..<separator])
            var address = String(value[value.index(after: separator)...])
            if address == "host-gateway" {
                guard let hostGateway else {
                    throw EngineError.invalidArgument(
                        "unable to derive the IP value for host-gateway")
                }
                return Entry(address: "\(hostGateway)", names: name)
            }
            if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
            guard let parsed = IPAddress(address) else {
                throw EngineError.invalidArgument("invalid IP address in add-host: \"\(address)\"")
            }
            return Entry(address: "\(parsed)", names: name)
        }
    }
}
