// SPDX-License-Identifier: Apache-2.0
// A JSON document as a value: objects keep the order of their keys, integers stay exact.

/// Any JSON value (RFC 8259). Lookups on the wrong kind give nil, so paths can be walked without ceremony.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    package subscript(index: Int) -> JSONValue? {
        if case .array(let array) = self, array.indices.contains(index) { array[index] } else { nil }
    }

    package var isNull: Bool { self == .null }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The exact integer, also of a double without a fraction.
    package var int: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }

    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The elements that are strings; nil when this is no array.
    package var strings: [String]? { array?.compactMap(\.string) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

/// The fields of an object in their order. A key set twice keeps its place and takes the later value.
package struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [(key: String, value: JSONValue)] = []
    /// Built for objects of more than a handful of keys; hostile documents cannot make lookups quadratic.
    private var index: [String: Int] = [:]

    package init() {}

    package init(_ elements: some Sequence<(String, JSONValue)>) {
        for (key, value) in elements { self[key] = value }
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

    package var keys: [String] { fields.map(\.key) }
    package var count: Int { fields.count }
    package var isEmpty: Bool { fields.isEmpty }

    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { fields[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): fields[position].value = value
            case (let position?, nil):
                fields.remove(at: position)
                rebuildIndex()
            case (nil, let value?):
                fields.append((key, value))
                if fields.count == Self.indexed {
                    rebuildIndex()
                } else if !index.isEmpty {
                    index[key] = fields.count - 1
                }
            case (nil, nil): break
            }
        }
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.fields.allSatisfy { right[$0.key] == $0.value }
    }

    private static let indexed = 12

    private func position(of key: String) -> Int? {
        index.isEmpty ? fields.firstIndex { $0.key == key } : index[key]
    }

    private mutating func rebuildIndex() {
        index = [:]
        guard fields.count >= Self.indexed else { return }
        for (position, field) in fields.enumerated() { index[field.key] = position }
    }
}
