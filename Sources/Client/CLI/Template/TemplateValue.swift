// SPDX-License-Identifier: Apache-2.0
// What a template can hold: JSON data, a row of a list with its columns, and Go's different kinds of nothing.
package import JSON

/// One line of a list (`ps`, `images` …): columns computed on demand, and methods that take arguments (`.Label "x"`).
package struct TemplateRecord: Sendable {
    package typealias Column = @Sendable () -> TemplateValue
    package typealias Method = @Sendable ([TemplateValue]) throws -> TemplateValue
    /// Shown in errors: `can't evaluate field Foo in type *formatter.ContainerContext`.
    package let typeName: String
    package let columns: [(name: String, value: Column)]
    package let methods: [(name: String, body: Method)]

    package init(
        typeName: String, columns: [(name: String, value: Column)], methods: [(name: String, body: Method)] = []
    ) {
        self.typeName = typeName
        self.columns = columns
        self.methods = methods
    }

    package func column(_ name: String) -> TemplateValue? { columns.first { $0.name == name }?.value() }
    package func method(_ name: String) -> Method? { methods.first { $0.name == name }?.body }

    /// All columns, keys sorted as Go marshals a map.
    package var json: JSONValue {
        .object(JSONObject(columns.map { ($0.name, $0.value().json) }.sorted { $0.0 < $1.0 }))
    }
}

/// A value inside a template.
package indirect enum TemplateValue: Sendable {
    case json(JSONValue)
    case record(TemplateRecord)
    /// A key that is not there; prints `<no value>`.
    case missing
    /// A nil of a known Go type: prints as `[]`, `map[]` or `<nil>`.
    case typedNil(String)

    package static func string(_ text: String) -> TemplateValue { .json(.string(text)) }
    package static func bool(_ flag: Bool) -> TemplateValue { .json(.bool(flag)) }
    package static func int(_ number: Int64) -> TemplateValue { .json(.int(number)) }

    package var json: JSONValue {
        switch self {
        case .json(let value): value
        case .record(let record): record.json
        case .missing, .typedNil: .null
        }
    }

    /// Go's truth: not the zero value, not empty.
    package var isTrue: Bool {
        switch self {
        case .record: true
        case .missing, .typedNil: false
        case .json(let value):
            switch value {
            case .null: false
            case .bool(let flag): flag
            case .int(let number): number != 0
            case .double(let number): number != 0
            case .string(let text): !text.isEmpty
            case .array(let array): !array.isEmpty
            case .object(let object): !object.isEmpty
            }
        }
    }

    /// As `{{.}}` prints it.
    package var text: String {
        switch self {
        case .missing: "<no value>"
        case .typedNil(let shown): shown
        case .json(.null): "<no value>"
        case .json(let value): GoPrint.text(value)
        case .record(let record): GoPrint.text(record.json)
        }
    }
}

/// Go's `fmt.Print` of decoded JSON.
enum GoPrint {
    /// Structs of the Engine API that print as `{a b}` rather than as a map, by their fields in order.
    private static let structs: [[String]] = [
        ["HostIp", "HostPort"], ["Name", "MaximumRetryCount"], ["Type", "Config"],
        ["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation"],
    ]

    static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "<nil>"
        case .bool(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .double(let number): double(number)
        case .string(let text): text
        case .array(let array): "[" + array.map(text).joined(separator: " ") + "]"
        case .object(let object): self.object(object)
        }
    }

    private static func object(_ object: JSONObject) -> String {
        let keys = Set(object.keys)
        if let shape = structs.first(where: {
            keys.isSubset(of: $0) && keys.contains($0[0]) && keys.count > 1 && keys.contains($0.last ?? "")
        }) {
            return "{" + shape.map { object[$0].map(text) ?? "" }.joined(separator: " ") + "}"
        }
        let fields = object.fields.sorted { $0.key < $1.key }
        return "map[" + fields.map { "\($0.key):\(text($0.value))" }.joined(separator: " ") + "]"
    }

    static func double(_ number: Double) -> String {
        let text = "\(number)"
        if text.hasSuffix(".0"), number.magnitude < 1e21 { return String(text.dropLast(2)) }
        return text
    }
}
