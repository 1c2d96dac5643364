// SPDX-License-Identifier: Apache-2.0
// `--change`: Dockerfile instructions that set an image's defaults.
import JSON
import Primitives

/// Applies the instructions that Docker allows in `import` and `commit`.
enum ImageChanges {
    static func apply(_ changes: [String], to base: JSONObject = [:]) throws(EngineError) -> JSONObject {
        var config = base
        for change in changes {
            let line = change.drop { $0.isWhitespace }
            let instruction = line.prefix { !$0.isWhitespace }.uppercased()
            let rest = String(line.dropFirst(instruction.count).drop { $0.isWhitespace })
            guard !rest.isEmpty else { throw .invalidArgument("\(instruction) requires at least one argument") }
            switch instruction {
            case "CMD": config["Cmd"] = command(rest)
            case "ENTRYPOINT": config["Entrypoint"] = command(rest)
            case "USER": config["User"] = .string(rest)
            case "WORKDIR": config["WorkingDir"] = .string(rest)
            case "STOPSIGNAL":
                _ = try Signals.number(rest)
                config["StopSignal"] = .string(rest)
            case "ENV":
                var env = config["Env"]?.array ?? []
                for (key, value) in try pairs(rest, instruction) {
                    env.removeAll { $0.string?.hasPrefix(key + "=") == true }
                    env.append(.string("\(key)=\(value)"))
                }
                config["Env"] = .array(env)
            case "LABEL":
                var labels = config["Labels"]?.object ?? [:]
                for (key, value) in try pairs(rest, instruction) { labels[key] = .string(value) }
                config["Labels"] = .object(labels)
            case "EXPOSE":
                var ports = config["ExposedPorts"]?.object ?? [:]
                for word in rest.split(separator: " ") { ports[try PortKey(String(word)).text] = .object([:]) }
                config["ExposedPorts"] = .object(ports)
            case "VOLUME":
                var volumes = config["Volumes"]?.object ?? [:]
                let paths = list(rest) ?? rest.split(separator: " ").map(String.init)
                for path in paths { volumes[path] = .object([:]) }
                config["Volumes"] = .object(volumes)
            case "HEALTHCHECK", "ONBUILD", "SHELL":
                throw .notImplemented("\(instruction) in a change is not supported yet")
            default: throw .invalidArgument("\(instruction) is not a valid change command")
            }
        }
        return config
    }

    private static func command(_ text: String) -> JSONValue {
        if let words = list(text) { return .array(words.map { .string($0) }) }
        return ["/bin/sh", "-c", .string(text)]
    }

    /// `["a", "b"]`
    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("["), let strings = (try? JSONValue.parse(text))?.strings else { return nil }
        return strings
    }

    /// `KEY=value KEY2="two words"`, or the old `KEY value`.
    private static func pairs(_ text: String, _ instruction: String) throws(EngineError) -> [(String, String)] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character.isWhitespace {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        guard let first = words.first else { throw .invalidArgument("\(instruction) requires at least one argument") }
        if !first.contains("=") { return [(first, words.dropFirst().joined(separator: " "))] }
        var result: [(String, String)] = []
        for word in words {
            guard let equals = word.firstIndex(of: "=") else {
                throw .invalidArgument("Syntax error - can't find = in \"\(word)\". Must be of the form: name=value")
            }
            result.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        return result
    }
}
