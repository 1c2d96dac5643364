// SPDX-License-Identifier: Apache-2.0
// How Docker's JSON treats what is missing: a zero value where Swift wants a value, `null` where Go had nil.

/// A type with the zero value that Go gives a missing field.
package protocol WireDefault: Codable, Equatable {
    static var wireDefault: Self { get }
}

extension String: WireDefault { package static var wireDefault: String { "" } }
extension Int: WireDefault { package static var wireDefault: Int { 0 } }
extension Int64: WireDefault { package static var wireDefault: Int64 { 0 } }
extension Bool: WireDefault { package static var wireDefault: Bool { false } }
extension Double: WireDefault { package static var wireDefault: Double { 0 } }
extension Array: WireDefault where Element: Codable & Equatable {
    package static var wireDefault: [Element] { [] }
}
extension Dictionary: WireDefault where Key == String, Value: Codable & Equatable {
    package static var wireDefault: [String: Value] { [:] }
}

/// A field that is always written, and read as its zero value when it is missing or `null`.
@propertyWrapper
package struct Wire<Value: WireDefault & Sendable>: Codable, Sendable, Equatable {
    package var wrappedValue: Value

    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        wrappedValue = try decoder.singleValueContainer().decode(Value.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

/// A field that is written as `null` when it has no value, and may be missing when read.
@propertyWrapper
package struct Nullable<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
    package var wrappedValue: Value?

    package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// A list of strings that may also be written as one string (Go's `strslice.StrSlice`); `null` when it has no value.
@propertyWrapper
package struct NullableStrings: Codable, Sendable, Equatable {
    package var wrappedValue: [String]?

    package init(wrappedValue: [String]?) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            wrappedValue = nil
        } else if let one = try? container.decode(String.self) {
            // No string: then it must be a list, whose error is the telling one.
            wrappedValue = [one]
        } else {
            wrappedValue = try container.decode([String].self)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

extension KeyedDecodingContainer {
    package func decode<Value>(_ type: Wire<Value>.Type, forKey key: Key) throws -> Wire<Value> {
        try decodeIfPresent(type, forKey: key) ?? Wire(wrappedValue: .wireDefault)
    }

    package func decode<Value>(_ type: Nullable<Value>.Type, forKey key: Key) throws -> Nullable<Value> {
        try decodeIfPresent(type, forKey: key) ?? Nullable(wrappedValue: nil)
    }

    package func decode(_ type: NullableStrings.Type, forKey key: Key) throws -> NullableStrings {
        try decodeIfPresent(type, forKey: key) ?? NullableStrings(wrappedValue: nil)
    }
}

/// `{}`: the value of Go's sets (`map[string]struct{}`).
package struct EmptyObject: Codable, Sendable, Equatable {
    package init() {}
}
