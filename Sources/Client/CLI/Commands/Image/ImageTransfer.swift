// SPDX-License-Identifier: Apache-2.0
// pull and push, with the credentials of config.json.
import DockerClient
import JSON

/// Registry traffic.
enum ImageTransfer {
    static func pull(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        try refuseTrust(call)
        let parts = try ImageName.parse(call.operands[0])
        var reference = parts
        if flags.bool("all-tags") {
            if parts.tag != nil || parts.digest != nil { throw CommandError("tag can't be used with --all-tags/-a") }
        } else if parts.tag == nil, parts.digest == nil {
            reference.tag = "latest"
            if !flags.bool("quiet") { call.console.line("Using default tag: latest") }
        }
        call.console.flush()
        let tag = flags.bool("all-tags") ? "" : reference.digest ?? reference.tag ?? "latest"
        let response = try create(
            call, name: reference.name, tag: tag, domain: parts.domain, platform: flags.string("platform"))
        try show(response, call, quiet: flags.bool("quiet"), toError: false)
        let shown = reference.name + (reference.tag.map { ":" + $0 } ?? "") + (reference.digest.map { "@" + $0 } ?? "")
        call.console.line(shown)
        return 0
    }

    /// The pull of `run` and `create`: everything is shown on standard error.
    static func pullForRun(_ call: Invocation, _ reference: String, platform: String, quiet: Bool) throws {
        let parts = try ImageName.parse(reference)
        let response = try create(
            call, name: parts.name, tag: parts.digest ?? parts.tag ?? "latest", domain: parts.domain, platform: platform
        )
        try show(response, call, quiet: quiet, toError: true)
    }

    private static func create(
        _ call: Invocation, name: String, tag: String, domain: String, platform: String
    ) throws -> HTTPResponse {
        var query = [("fromImage", name)]
        if !tag.isEmpty { query.append(("tag", tag)) }
        let chosen = platform.isEmpty ? call.settings.environment["DOCKER_DEFAULT_PLATFORM"] ?? "" : platform
        if !chosen.isEmpty { query.append(("platform", chosen)) }
        return try call.client().call("POST", "/images/create", query: query, headers: credentials(call, domain))
    }

    static func push(_ call: Invocation) throws -> Int32 {
        try refuseTrust(call)
        let flags = call.flags
        let parts = try ImageName.parse(call.operands[0])
        var query: [(String, String)] = []
        if flags.bool("all-tags") {
            if parts.tag != nil { throw CommandError("tag can't be used with --all-tags/-a") }
        } else {
            query.append(("tag", parts.tag ?? "latest"))
        }
        query += try PlatformText.query(
            flags.string("platform"), label: "Invalid platform " + flags.string("platform"))
        if !flags.bool("all-tags"), parts.tag == nil, !flags.bool("quiet") {
            call.console.line("Using default tag: latest")
        }
        call.console.flush()
        let headers = credentials(call, parts.domain)
        let response = try call.client().call(
            "POST", "/images/\(URLText.path(parts.name))/push", query: query,
            headers: headers.isEmpty ? [("X-Registry-Auth", "e30=")] : headers)
        try show(response, call, quiet: flags.bool("quiet"), toError: false)
        if flags.bool("quiet") { call.console.line(ImageName.familiar(parts.name + ":" + (parts.tag ?? "latest"))) }
        return 0
    }

    private static func refuseTrust(_ call: Invocation) throws {
        if call.flags.isSet("disable-content-trust"), !call.flags.bool("disable-content-trust") {
            throw CommandError("the --disable-content-trust=false flag is not supported yet: content trust")
        }
    }

    static func show(_ response: HTTPResponse, _ call: Invocation, quiet: Bool, toError: Bool) throws {
        let console = call.console
        let isTerminal = toError ? console.errorIsTerminal : console.outputIsTerminal
        var progress = PullProgress(
            isTerminal: isTerminal && !quiet, columns: Console.size(of: toError ? 2 : 1)?.columns ?? 80
        ) { text in
            if quiet { return }
            if toError {
                console.err(text)
            } else {
                console.out(text)
                console.flush()
            }
        }
        try progress.show(response)
    }

    /// The X-Registry-Auth header from `auths` of config.json; none when the registry is not known there.
    static func credentials(_ call: Invocation, _ domain: String) -> [(String, String)] {
        let key = domain == "docker.io" ? "https://index.docker.io/v1/" : domain
        let auths = call.settings.configuration()["auths"]
        guard let entry = auths?[key] ?? auths?["https://" + key] ?? auths?["http://" + key] else { return [] }
        var login = JSONObject()
        if let packed = entry["auth"]?.string, let bytes = Base64.decode(packed),
            let (user, password) = Text.cut(String(decoding: bytes, as: UTF8.self), ":")
        {
            login["username"] = .string(user)
            login["password"] = .string(password)
        }
        if let token = entry["identitytoken"]?.string { login["identitytoken"] = .string(token) }
        if let token = entry["registrytoken"]?.string { login["registrytoken"] = .string(token) }
        login["serveraddress"] = .string(key)
        return [("X-Registry-Auth", Base64.encodeURL(JSONValue.object(login).serialize()))]
    }
}

/// RFC 4648.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encodeURL(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let part = bytes[index..<min(index + 3, bytes.count)]
            let word = part.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
            for digit in 0..<4 {
                output.append(digit <= part.count ? digits[word >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
            }
            index += 3
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        var output: [UInt8] = []
        var (word, bits) = (0, 0)
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let plain =
                byte == UInt8(ascii: "+") ? UInt8(ascii: "-") : byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
            guard let digit = digits.firstIndex(of: plain) else { return nil }
            word = word << 6 | digit
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(word >> bits & 255))
                word &= (1 << bits) - 1
            }
        }
        return output
    }
}
