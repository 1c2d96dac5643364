// SPDX-License-Identifier: Apache-2.0
// Reads flags and daemon.json into one configuration; a setting in both, and a name nobody knows, are errors.
import JSON
import Networking
import Primitives
import Tasks

extension DaemonConfiguration {
    /// From the program's arguments (without its name) and the file they name.
    package static func read(arguments: [String]) throws -> DaemonConfiguration {
        let flags = try flags(arguments)
        var configuration = DaemonConfiguration(Rootless.current())
        try configuration.apply(flags.filter { ["config-file", "help", "version"].contains($0.key) })
        if configuration.showsHelp || configuration.showsVersion { return configuration }
        let file = try configuration.fileValues()
        let both = flags.keys.filter { file[$0] != nil }.sorted()
        if !both.isEmpty {
            let told = both.map { name in
                "\(name): (from flag: \(shown(flags[name] ?? [])), from file: \(shown(file[name] ?? [])))"
            }
            throw EngineError.invalidArgument(
                "unable to configure the daemon with file \(configuration.configFile): the following directives are "
                    + "specified both as a flag and in the configuration file: \(told.joined(separator: ", "))")
        }
        try configuration.apply(file)
        try configuration.apply(flags)
        try configuration.check()
        return configuration
    }

    /// Reads the file again and takes over what may change while the daemon runs; gives the names of what did.
    package mutating func reload() throws -> [String: String] {
        let file = try fileValues()
        var next = self
        var changed: [String: String] = [:]
        for setting in Setting.all where setting.reloads {
            guard let texts = file[setting.flag] else { continue }
            try setting.apply(&next, texts)
            changed[setting.key ?? setting.flag] = Self.shown(texts)
        }
        try next.check()
        self = next
        return changed
    }

    package static var usage: String {
        var text = "\nUsage:  apusd [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n"
        for setting in Setting.all.sorted(by: { $0.flag < $1.flag }) {
            let short = setting.shorthand.map { "-\($0), " } ?? "    "
            let name = "  \(short)--\(setting.flag)"
            text += name + String(repeating: " ", count: max(2, 44 - name.count)) + setting.help + "\n"
        }
        return text
    }

    /// pflag's habits: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-Dn value`.
    private static func flags(_ arguments: [String]) throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        var rest = arguments[...]
        func take(_ setting: Setting, _ attached: String?, _ shown: String) throws {
            if let attached {
                found[setting.flag, default: []].append(attached)
            } else if setting.kind == .flag {
                found[setting.flag, default: []].append("true")
            } else if let value = rest.popFirst() {
                found[setting.flag, default: []].append(value)
            } else {
                throw EngineError.invalidArgument("flag needs an argument: \(shown)")
            }
        }
        while let argument = rest.popFirst() {
            if argument.hasPrefix("--"), argument.count > 2 {
                let body = argument.dropFirst(2)
                let name = String(body.prefix { $0 != "=" })
                let attached = body.count > name.count ? String(body.dropFirst(name.count + 1)) : nil
                guard let setting = Setting.all.first(where: { $0.flag == name }) else {
                    throw unknown("--" + name, name)
                }
                try take(setting, attached, "--" + name)
            } else if argument.hasPrefix("-"), argument.count > 1 {
                var letters = argument.dropFirst()
                while let letter = letters.popFirst() {
                    guard let setting = Setting.all.first(where: { $0.shorthand == letter }) else {
                        throw EngineError.invalidArgument("unknown shorthand flag: '\(letter)' in \(argument)")
                    }
                    if setting.kind == .flag {
                        try take(setting, nil, "-\(letter)")
                        continue
                    }
                    let attached = letters.isEmpty ? nil : String(letters.first == "=" ? letters.dropFirst() : letters)
                    letters = letters[letters.endIndex...]
                    try take(setting, attached, "'\(letter)' in \(argument)")
                }
            } else {
                throw EngineError.invalidArgument("\"apusd\" accepts no arguments: \(argument)")
            }
        }
        return found
    }

    /// The file's values as texts, by flag name.
    private func fileValues() throws -> [String: [String]] {
        guard let text = Files.readNow(configFile) else {
            guard configFileIsExplicit else { return [:] }
            throw EngineError.invalidArgument(
                "unable to configure the daemon with file \(configFile): open \(configFile): no such file or directory")
        }
        if text.allSatisfy(\.isWhitespace) { return [:] }
        let json: JSONValue
        do { json = try JSONValue.parse(text) } catch {
            throw EngineError.invalidArgument("unable to configure the daemon with file \(configFile): \(error)")
        }
        guard case .object(let object) = json else {
            throw EngineError.invalidArgument(
                "unable to configure the daemon with file \(configFile): not a JSON object")
        }
        var values: [String: [String]] = [:]
        for (key, value) in object.fields {
            guard let setting = Setting.all.first(where: { $0.key == key }) else {
                if Setting.notBuilt.contains(key) {
                    throw EngineError.notImplemented("daemon.json: \(key) is not supported yet")
                }
                throw EngineError.invalidArgument(
                    "unable to configure the daemon with file \(configFile): the following directives don't match any "
                        + "configuration option: \(key)")
            }
            values[setting.flag] = try setting.texts(value)
        }
        return values
    }

    private mutating func apply(_ values: [String: [String]]) throws {
        for setting in Setting.all {
            if let texts = values[setting.flag] { try setting.apply(&self, texts) }
        }
    }

    private static func unknown(_ shown: String, _ name: String) -> EngineError {
        Setting.notBuilt.contains(name)
            ? .notImplemented("\(shown) is not supported yet") : .invalidArgument("unknown flag: \(shown)")
    }

    private static func shown(_ texts: [String]) -> String {
        texts.count == 1 ? texts[0] : "[" + texts.joined(separator: " ") + "]"
    }

    /// Rules between settings.
    private func check() throws(EngineError) {
        guard OCIRuntime.builtIn.contains(defaultRuntime) || runtimes[defaultRuntime] != nil else {
            throw .invalidArgument("specified default runtime '\(defaultRuntime)' does not exist")
        }
        for host in effectiveHosts {
            guard host.hasPrefix("unix://") || host.hasPrefix("tcp://") || host.hasPrefix("fd://") else {
                throw .invalidArgument(
                    "invalid bind address (\(host)): unsupported scheme; use unix://, tcp:// or fd://")
            }
            guard rootless == nil || !host.hasPrefix("tcp://") else {
                throw .invalidArgument(
                    "\(host) cannot be reached from outside of a rootless daemon's network: use a unix:// socket")
            }
            guard host.hasPrefix("tcp://"), !tls, !tlsVerify, !allowsInsecureTCP else { continue }
            let name = Self.tcpHost(host)
            let isLoopback = name == "localhost" || name == "::1" || name.hasPrefix("127.")
            guard isLoopback else {
                throw .invalidArgument(
                    "refusing to listen on \(host) without TLS: whoever reaches this port controls the machine as root. Use "
                        + "--tlsverify with certificates, a loopback address, or --allow-root-access-over-plain-tcp")
            }
        }
        if network.usesExistingBridge, network.bridgeAddress != nil {
            throw .invalidArgument("conflicting options: -b and --bip are mutually exclusive")
        }
        if tls || tlsVerify, tlsCertificate == nil || tlsKey == nil {
            throw .invalidArgument("TLS needs --tlscert and --tlskey")
        }
        if tlsVerify, tlsCACertificate == nil { throw .invalidArgument("--tlsverify needs --tlscacert") }
    }

    /// The host part of `tcp://host:port`; empty means every address.
    package static func tcpHost(_ host: String) -> String {
        let rest = host.dropFirst("tcp://".count).prefix { $0 != "/" }
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") { return String(rest.dropFirst()[..<end]) }
        guard let colon = rest.lastIndex(of: ":") else { return String(rest) }
        return String(rest[..<colon])
    }
}
