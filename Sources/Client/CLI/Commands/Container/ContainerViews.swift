// SPDX-License-Identifier: Apache-2.0
// logs, top, port: looking into a container.
import DockerClient
import JSON

/// Read-only commands.
enum ContainerViews {
    static func logs(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        let client = try call.client()
        let details = try client.json("GET", "/containers/\(URLText.path(call.operands[0]))/json")
        let id = details["Id"]?.string ?? call.operands[0]
        var query: [(String, String)] = []
        func time(_ name: String) throws -> String {
            try TimeArgument.unix(flags.string(name), label: "invalid value for \"\(name)\": ")
        }
        if flags.bool("details") { query.append(("details", "1")) }
        if flags.bool("follow") { query.append(("follow", "1")) }
        if !flags.string("since").isEmpty { query.append(("since", try time("since"))) }
        query.append(("stderr", "1"))
        query.append(("stdout", "1"))
        let tail = flags.string("tail")
        if flags.isSet("tail"), tail != "all" { query.append(("tail", tail)) }
        if flags.bool("timestamps") { query.append(("timestamps", "1")) }
        if !flags.string("until").isEmpty { query.append(("until", try time("until"))) }
        let response = try client.call("GET", "/containers/\(id)/logs", query: query)
        let tty = details["Config"]?["Tty"]?.bool ?? false
        var frames = FrameReader()
        while call.console.outputFailure == nil, let bytes = try response.read() {
            if tty {
                call.console.out(bytes: bytes)
                continue
            }
            try frames.feed(bytes) { stream, payload in
                if stream == 2 { call.console.err(bytes: payload) } else { call.console.out(bytes: payload) }
            }
        }
        return 0
    }

    static func top(_ call: Invocation) throws -> Int32 {
        let arguments = call.operands.dropFirst().joined(separator: " ")
        let answer = try call.client().json(
            "GET", "/containers/\(URLText.path(call.operands[0]))/top",
            query: arguments.isEmpty ? [] : [("ps_args", arguments)])
        var text = (answer["Titles"]?.strings ?? []).joined(separator: "\t") + "\n"
        for process in answer["Processes"]?.array ?? [] {
            text += (process.strings ?? []).joined(separator: "\t") + "\n"
        }
        call.console.out(TabWriter.align(text, minimum: 20, padding: 3))
        return 0
    }

    static func port(_ call: Invocation) throws -> Int32 {
        let name = call.operands[0]
        let details = try call.client().json("GET", "/containers/\(URLText.path(name))/json")
        let ports = details["NetworkSettings"]?["Ports"]?.object ?? JSONObject()
        func addresses(_ value: JSONValue) -> [String] {
            (value.array ?? []).map { PortText.join($0["HostIp"]?.string ?? "", $0["HostPort"]?.string ?? "") }
        }
        if call.operands.count == 2 {
            let (port, proto) = Text.cut(call.operands[1], "/") ?? (call.operands[1], "tcp")
            guard UInt16(port) != nil else {
                throw CommandError(
                    "invalid port (\(port)): strconv.ParseUint: parsing \(Quoted.go(port)): invalid syntax")
            }
            let found = ports["\(port)/\(proto)"].map(addresses) ?? []
            guard !found.isEmpty else {
                throw CommandError("Error: No public port '\(call.operands[1])' published for \(name)")
            }
            for address in found { call.console.line(address) }
            return 0
        }
        let sorted = ports.fields.sorted { left, right in
            let (a, b) = (Int(left.key.prefix { $0 != "/" }) ?? 0, Int(right.key.prefix { $0 != "/" }) ?? 0)
            return (a, left.key) < (b, right.key)
        }
        for (key, value) in sorted {
            for address in addresses(value) { call.console.line("\(key) -> \(address)") }
        }
        return 0
    }
}
