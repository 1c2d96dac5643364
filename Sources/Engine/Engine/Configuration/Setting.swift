// SPDX-License-Identifier: Apache-2.0
// One setting of the daemon: its flag, its key, and how its text becomes a value.
import JSON
import Primitives

/// A row of the one table that flags, daemon.json and reload are read by.
struct Setting: Sendable {
    enum Kind: Sendable {
        case text, flag, list, map
        /// Names with objects behind them: each becomes `name={…}`.
        case objects
    }

    /// Name of the flag, without dashes.
    let flag: String
    let shorthand: Character?
    /// Key of daemon.json; nil when the file may not have it.
    let key: String?
    let kind: Kind
    /// Read again on SIGHUP.
    let reloads: Bool
    let help: String
    let apply: @Sendable (inout DaemonConfiguration, [String]) throws -> Void

    init(
        _ flag: String, short shorthand: Character? = nil, key: String? = "=", kind: Kind = .text,
        reloads: Bool = false,
        help: String, _ apply: @escaping @Sendable (inout DaemonConfiguration, [String]) throws -> Void
    ) {
        self.flag = flag
        self.shorthand = shorthand
        self.key = key == "=" ? flag : key
        self.kind = kind
        self.reloads = reloads
        self.help = help
        self.apply = apply
    }

    /// A key's JSON value as the texts the flag would have had.
    func texts(_ value: JSONValue) throws(EngineError) -> [String] {
        let wrong = EngineError.invalidArgument("daemon.json: the value of \"\(key ?? flag)\" has the wrong type")
        switch (kind, value) {
        case (.flag, .bool(let on)): return [on ? "true" : "false"]
        case (.text, .string(let text)): return [text]
        case (.text, .int(let number)): return [String(number)]
        case (.list, .array(let items)):
            var texts: [String] = []
            for item in items {
                if let text = item.string {
                    texts.append(text)
                } else if case .object(let object) = item {
                    texts.append(
                        object.fields.map { "\($0.key)=\($0.value.string ?? $0.value.text())" }.joined(separator: ","))
                } else {
                    throw wrong
                }
            }
            return texts
        case (.map, .object(let object)):
            var texts: [String] = []
            for (name, item) in object.fields {
                if let text = item.string {
                    texts.append("\(name)=\(text)")
                } else if case .object(let limits) = item {
                    // default-ulimits: {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}
                    guard let hard = limits["Hard"]?.int, let soft = limits["Soft"]?.int else { throw wrong }
                    texts.append("\(name)=\(soft):\(hard)")
                } else {
                    throw wrong
                }
            }
            return texts
        case (.objects, .object(let object)): return object.fields.map { "\($0.key)=\($0.value.text())" }
        default: throw wrong
        }
    }

    static func bool(_ texts: [String], _ name: String) throws(EngineError) -> Bool {
        switch texts.last ?? "true" {
        case "true", "1", "t", "T", "TRUE", "True": return true
        case "false", "0", "f", "F", "FALSE", "False": return false
        case let other: throw .invalidArgument("invalid argument \"\(other)\" for \"--\(name)\" flag: not a boolean")
        }
    }

    static func number(_ texts: [String], _ name: String) throws(EngineError) -> Int {
        guard let number = Int(texts.last ?? ""), number >= 0 else {
            throw .invalidArgument("invalid argument \"\(texts.last ?? "")\" for \"--\(name)\" flag: not a number")
        }
        return number
    }
}
