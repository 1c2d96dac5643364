// SPDX-License-Identifier: Apache-2.0
// `-p` and `--expose`: addresses, ranges and protocols.
import DockerClient
import JSON

/// Ports a container exposes and where on the host they appear.
struct PortSpecification {
    private(set) var exposed = JSONObject()
    private(set) var bindings = JSONObject()

    /// Reads one `-p`: `[[ip:][hostPort]:]containerPort[/proto]`, ranges on both sides, or `published=…,target=…`.
    mutating func publish(_ text: String) throws {
        if text.contains("=") { return try publishLong(text) }
        try publishShort(text)
    }

    private mutating func publishLong(_ text: String) throws {
        var (ip, published, target, proto) = ("", "", "", "tcp")
        for field in Text.split(text, ",") {
            guard let (key, value) = Text.cut(field, "=") else {
                throw CommandError("invalid field: \(field)")
            }
            switch key.lowercased() {
            case "protocol": proto = value.lowercased()
            case "mode":
                guard value == "ingress" || value == "host" else {
                    throw CommandError("invalid publish mode value: \(value)")
                }
            case "target": target = value
            case "published": published = value
            case "host_ip": ip = value
            default: throw CommandError("invalid field key: \(key)")
            }
        }
        try publishShort(
            (ip.isEmpty ? "" : ip + ":") + (published.isEmpty && ip.isEmpty ? "" : published + ":")
                + "\(target)/\(proto)")
    }

    private mutating func publishShort(_ text: String) throws {
        var body = text
        var proto = "tcp"
        if let slash = text.lastIndex(of: "/") {
            proto = String(text[text.index(after: slash)...])
            body = String(text[..<slash])
            if proto.isEmpty { proto = "tcp" }
        }
        guard ["tcp", "udp", "sctp"].contains(proto.lowercased()) else { throw CommandError("invalid proto: \(proto)") }
        proto = proto.lowercased()
        var (address, hostPort, containerPort) = ("", "", body)
        if let colon = body.lastIndex(of: ":") {
            containerPort = String(body[body.index(after: colon)...])
            let front = String(body[..<colon])
            if let second = front.lastIndex(of: ":") {
                hostPort = String(front[front.index(after: second)...])
                address = String(front[..<second])
            } else {
                hostPort = front
            }
        }
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        if address.hasPrefix("["), !address.hasSuffix("]") {
            throw CommandError("invalid IP address \(address): address \(address):: missing ']' in address")
        }
        if !address.isEmpty, !IPText.isAddress(address) { throw CommandError("invalid IP address: \(address)") }
        if containerPort.isEmpty { throw CommandError("no port specified: \(text)<empty>") }
        guard let inside = PortSpecification.range(containerPort) else {
            throw CommandError("invalid containerPort: \(containerPort)")
        }
        var outside: ClosedRange<Int>?
        if !hostPort.isEmpty {
            guard let range = PortSpecification.range(hostPort) else {
                throw CommandError("invalid hostPort: \(hostPort)")
            }
            outside = range
            if range.count != inside.count, inside.count != 1 {
                throw CommandError(
                    "invalid ranges specified for container and host Ports: \(containerPort) and \(hostPort)")
            }
        }
        for port in inside {
            let key = "\(port)/\(proto)"
            exposed[key] = [:]
            var shown = ""
            if let outside {
                // One container port and a range of the host: the daemon picks a free one.
                shown =
                    outside.count > 1 && inside.count == 1
                    ? "\(outside.lowerBound)-\(outside.upperBound)"
                    : String(outside.lowerBound + port - inside.lowerBound)
            }
            var list = bindings[key]?.array ?? []
            list.append(["HostIp": .string(address), "HostPort": .string(shown)])
            bindings[key] = .array(list)
        }
    }

    mutating func expose(_ text: String) throws {
        if text.contains(":") { throw CommandError("invalid port format for --expose: \(text)") }
        let (ports, proto) = Text.cut(text, "/") ?? (text, "tcp")
        guard let range = PortSpecification.range(ports) else {
            let isOrdered = ports.split(separator: "-").allSatisfy { UInt16($0) != nil }
            let wrong = ports.split(separator: "-").first { UInt16($0) == nil } ?? ""
            throw CommandError(
                "invalid range format for --expose: \(text), error: "
                    + (isOrdered
                        ? "invalid range specified for port: \(ports)"
                        : "strconv.ParseUint: parsing \(Quoted.go(wrong)): invalid syntax"))
        }
        for port in range where exposed["\(port)/\(proto)"] == nil { exposed["\(port)/\(proto)"] = [:] }
    }

    static func range(_ text: String) -> ClosedRange<Int>? {
        let parts = Text.split(text, "-")
        guard parts.count <= 2, let low = Int(parts[0]), (0...65535).contains(low) else { return nil }
        guard parts.count == 2 else { return low...low }
        guard let high = Int(parts[1]), high >= low, high <= 65535 else { return nil }
        return low...high
    }
}
