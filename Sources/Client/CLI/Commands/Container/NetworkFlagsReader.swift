// SPDX-License-Identifier: Apache-2.0
// `--network`, its long form, and the flags that belong to the first network: `--ip`, `--network-alias`, `--link` …
import DockerClient
import JSON

/// Reads network attachments into NetworkMode and EndpointsConfig.
struct NetworkFlagsReader {
    let flags: FlagValues

    private struct Attachment {
        var name = ""
        var aliases: [String] = []
        var links: [String] = []
        var ipv4 = "", ipv6 = "", mac = ""
        var linkLocal: [String] = []
        var options = JSONObject()
        var priority: Int64 = 0
    }

    func endpoints(_ host: inout JSONObject) throws -> JSONObject {
        var attachments = try flags.list("network").map { try parse($0) }
        if attachments.isEmpty { attachments = [Attachment(name: "default")] }
        var names: Set<String> = []
        for attachment in attachments where !names.insert(attachment.name).inserted {
            throw CommandError("network \(Quoted.go(attachment.name)) is specified multiple times")
        }
        try mergeFlags(into: &attachments[0])
        host["NetworkMode"] = .string(attachments[0].name)
        if isUserDefined(attachments[0].name) || attachments.count > 1 {
            for attachment in attachments where !isUserDefined(attachment.name) && attachments.count > 1 {
                if attachment.name != "bridge", attachment.name != "default" {
                    throw CommandError(
                        "conflicting options: cannot attach both user-defined and non-user-defined network-modes")
                }
            }
        }
        if flags.isSet("network-alias"), !isUserDefined(attachments[0].name) {
            throw CommandError("network-scoped aliases are only supported for user-defined networks")
        }
        if attachments.contains(where: { $0.name.isEmpty }) { throw CommandError("no name set for network") }
        let name = attachments[0].name
        if attachments.count == 1, name == "host" || name == "none" || name.hasPrefix("container:") {
            return JSONObject()
        }
        var result = JSONObject()
        for (index, attachment) in attachments.enumerated() {
            result[attachment.name] = endpoint(attachment, isFirst: index == 0)
        }
        return result
    }

    /// Complains about a value of `--network` before anything is asked of the daemon.
    static func check(_ text: String) throws { _ = try NetworkFlagsReader(flags: FlagValues()).parse(text) }

    private func isUserDefined(_ name: String) -> Bool {
        !["default", "bridge", "host", "none", ""].contains(name) && !name.hasPrefix("container:")
    }

    private func parse(_ text: String) throws -> Attachment {
        var attachment = Attachment()
        guard text.contains("=") else {
            attachment.name = text
            return attachment
        }
        for field in CSVLine.fields(text) {
            guard let (key, value) = Text.cut(field, "="), !key.isEmpty else {
                throw CommandError("invalid field \(field)")
            }
            switch key.lowercased() {
            case "name": attachment.name = value
            case "alias": attachment.aliases.append(value)
            case "driver-opt":
                let (name, content) = Text.cut(value, "=") ?? (value, "")
                attachment.options[name] = .string(content)
            case "ip": attachment.ipv4 = value
            case "ip6": attachment.ipv6 = value
            case "mac-address": attachment.mac = value
            case "link-local-ip": attachment.linkLocal.append(value)
            case "gw-priority":
                guard let number = Int64(value) else {
                    throw CommandError("invalid gw-priority (\(value)): not a number")
                }
                attachment.priority = number
            default: throw CommandError("invalid field key \(key)")
            }
        }
        if attachment.name.isEmpty { throw CommandError("network name/id is not specified") }
        return attachment
    }

    private func mergeFlags(into attachment: inout Attachment) throws {
        func merge(_ flag: String, _ label: String, _ value: inout String) throws {
            guard flags.isSet(flag) else { return }
            if !value.isEmpty {
                throw CommandError("conflicting options: cannot specify both --\(flag) and per-network \(label)")
            }
            value = flags.string(flag)
        }
        if flags.isSet("network-alias") {
            if !attachment.aliases.isEmpty {
                throw CommandError("conflicting options: cannot specify both --network-alias and per-network alias")
            }
            attachment.aliases = flags.list("network-alias")
        }
        attachment.links = flags.list("link")
        try merge("ip", "IPv4 address", &attachment.ipv4)
        try merge("ip6", "IPv6 address", &attachment.ipv6)
        try merge("mac-address", "MAC address", &attachment.mac)
        attachment.linkLocal += flags.list("link-local-ip")
        if flags.isSet("mac-address"), !NetworkFlagsReader.isMACAddress(attachment.mac) {
            throw CommandError("\(attachment.mac) is not a valid mac address")
        }
    }

    private static func isMACAddress(_ text: String) -> Bool {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        return [6, 8, 20].contains(parts.count) && parts.allSatisfy { $0.count == 2 && UInt8($0, radix: 16) != nil }
    }

    private func endpoint(_ attachment: Attachment, isFirst: Bool) -> JSONValue {
        func strings(_ list: [String]) -> JSONValue { list.isEmpty ? .null : .array(list.map { .string($0) }) }
        var address = JSONObject()
        if !attachment.ipv4.isEmpty { address["IPv4Address"] = .string(attachment.ipv4) }
        if !attachment.ipv6.isEmpty { address["IPv6Address"] = .string(attachment.ipv6) }
        if !attachment.linkLocal.isEmpty { address["LinkLocalIPs"] = strings(attachment.linkLocal) }
        return [
            "IPAMConfig": address.isEmpty ? .null : .object(address),
            "Links": isUserDefined(attachment.name) ? strings(attachment.links) : .null,
            "Aliases": strings(attachment.aliases),
            "MacAddress": .string(attachment.mac),
            "DriverOpts": attachment.options.isEmpty ? .null : .object(attachment.options),
            "GwPriority": .int(attachment.priority),
            "NetworkID": "", "EndpointID": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "",
            "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "DNSNames": .null,
        ]
    }
}
