// SPDX-License-Identifier: Apache-2.0
// One command-line option as data: names, kind, help text. The parser, the help and the completion read the same tables.

/// An option of a command.
package struct Flag: Sendable {
    /// What a value must look like, and what help shows for it. The cases are pflag's types and those Docker added.
    package enum Kind: Sendable, Equatable {
        case bool, string, int, uint16, uint64, duration, decimal, bytes, memorySwap
        case list, stringSlice, filter, map, ulimit, mount, network, gpus
        /// Repeatable, checked while parsing by `Flag.check`.
        case checkedList(String)

        /// The word behind the flag's name in help.
        var placeholder: String {
            switch self {
            case .bool: ""
            case .string: "string"
            case .int: "int"
            case .uint16: "uint16"
            case .uint64: "uint"
            case .duration: "duration"
            case .decimal: "decimal"
            case .bytes, .memorySwap: "bytes"
            case .list: "list"
            case .stringSlice: "strings"
            case .filter: "filter"
            case .map: "map"
            case .ulimit: "ulimit"
            case .mount: "mount"
            case .network: "network"
            case .gpus: "gpu-request"
            case .checkedList(let name): name
            }
        }

        var isRepeatable: Bool {
            switch self {
            case .list, .stringSlice, .filter, .map, .ulimit, .mount, .network, .gpus, .checkedList: true
            default: false
            }
        }
    }

    package let name: String
    package let short: Character?
    package let kind: Kind
    package let help: String
    /// What help shows as default; also the value when the flag is absent.
    package let standard: String?
    package let isHidden: Bool
    /// The flag whose value this one sets (`--net` is `--network`).
    package let aliasOf: String?
    /// Refuses a value with the text behind `invalid argument "x" for "--flag" flag: `.
    package let check: (@Sendable (String) -> String?)?

    package init(
        _ name: String, _ short: Character?, _ kind: Kind, _ help: String, default standard: String? = nil,
        hidden isHidden: Bool = false, aliasOf: String? = nil, check: (@Sendable (String) -> String?)? = nil
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.help = help
        self.standard = standard
        self.isHidden = isHidden
        self.aliasOf = aliasOf
        self.check = check
    }

    package init(
        _ name: String, _ kind: Kind, _ help: String, default standard: String? = nil, hidden: Bool = false,
        aliasOf: String? = nil
    ) {
        self.init(name, nil, kind, help, default: standard, hidden: hidden, aliasOf: aliasOf)
    }

    /// A switch.
    package init(
        _ name: String, _ short: Character, _ help: String, default standard: String? = nil, hidden: Bool = false,
        aliasOf: String? = nil
    ) {
        self.init(name, short, .bool, help, default: standard, hidden: hidden, aliasOf: aliasOf)
    }

    package init(_ name: String, _ help: String, default standard: String? = nil, hidden: Bool = false) {
        self.init(name, nil, .bool, help, default: standard, hidden: hidden)
    }

    /// `-m, --memory` or `--rm`, as error messages name a flag.
    var label: String { short.map { "-\($0), --\(name)" } ?? "--\(name)" }

    /// The text help shows as default, nil for the zero value of the kind.
    var shownDefault: String? {
        guard let standard else { return nil }
        return kind == .string ? "\"\(standard)\"" : standard
    }
}
