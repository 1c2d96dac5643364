// SPDX-License-Identifier: Apache-2.0
// Reading and writing the documents of the runtime specification by hand: typed lookups whose errors name the field.
package import JSON

/// A field of a runtime document that is missing or has the wrong kind.
package struct SpecError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}

/// A part of a runtime document. Unknown keys are passed over, as the specification demands of runtimes.
package protocol SpecValue: Sendable, Equatable {
    init(_ fields: SpecFields) throws
    func write(to out: inout JSONObject)
}

extension SpecValue {
    /// Parses a document; `path` names it in errors.
    package init(json: JSONValue, path: String = "config") throws {
        guard let object = json.object else { throw SpecError("\(path): expected an object") }
        try self.init(SpecFields(object, path: path))
    }

    package var json: JSONValue {
        var out = JSONObject()
        write(to: &out)
        return .object(out)
    }
}

/// Typed access to the fields of one object; null counts as absent, as in Go.
package struct SpecFields {
    package let object: JSONObject
    package let path: String

    package init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
    }

    package func value(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    private func wrong(_ key: String, _ expected: String) -> SpecError {
        SpecError("\(path).\(key): expected \(expected)")
    }

    package func string(_ key: String) throws -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.string else { throw wrong(key, "a string") }
        return string
    }

    package func requiredString(_ key: String) throws -> String {
        guard let string = try string(key) else { throw wrong(key, "a string, found nothing") }
        return string
    }

    package func bool(_ key: String) throws -> Bool? {
        guard let value = value(key) else { return nil }
        guard let bool = value.bool else { throw wrong(key, "a boolean") }
        return bool
    }

    /// An integer that fits `T`. Unsigned 64-bit values beyond Int64 arrive as doubles (rlimits of 2^64-1) and saturate.
    package func integer<T: FixedWidthInteger>(_ key: String, as type: T.Type = T.self) throws -> T? {
        guard let value = value(key) else { return nil }
        if let exact = value.int {
            guard let number = T(exactly: exact) else { throw wrong(key, "an integer in range") }
            return number
        }
        if T.max > Int64.max, let double = value.double, double >= 9.2e18 {
            return double >= 18_446_744_073_709_551_615.0 ? T.max : T(double)
        }
        throw wrong(key, "an integer")
    }

    package func strings(_ key: String) throws -> [String] {
        guard let value = value(key) else { return [] }
        guard let array = value.array else { throw wrong(key, "an array of strings") }
        return try array.map {
            guard let string = $0.string else { throw wrong(key, "an array of strings") }
            return string
        }
    }

    package func integers<T: FixedWidthInteger>(_ key: String, as type: T.Type = T.self) throws -> [T] {
        guard let value = value(key) else { return [] }
        guard let array = value.array else { throw wrong(key, "an array of integers") }
        return try array.map {
            guard let int = $0.int, let number = T(exactly: int) else { throw wrong(key, "an array of integers") }
            return number
        }
    }

    /// An object of strings, in the order of the document.
    package func stringMap(_ key: String) throws -> [(key: String, value: String)] {
        guard let value = value(key) else { return [] }
        guard let object = value.object else { throw wrong(key, "an object of strings") }
        return try object.fields.map {
            guard let string = $0.value.string else { throw wrong("\(key).\($0.key)", "a string") }
            return ($0.key, string)
        }
    }

    package func part<T: SpecValue>(_ key: String, as type: T.Type = T.self) throws -> T? {
        try value(key).map { try T(json: $0, path: "\(path).\(key)") }
    }

    package func parts<T: SpecValue>(_ key: String, as type: T.Type = T.self) throws -> [T] {
        guard let value = value(key) else { return [] }
        guard let array = value.array else { throw wrong(key, "an array of objects") }
        return try array.enumerated().map { try T(json: $1, path: "\(path).\(key)[\($0)]") }
    }
}

extension JSONObject {
    /// Writes a field unless it is absent.
    package mutating func put(_ key: String, _ value: String?) {
        if let value { self[key] = .string(value) }
    }

    package mutating func put(_ key: String, _ value: Bool?) {
        if let value { self[key] = .bool(value) }
    }

    package mutating func put(_ key: String, _ value: (some FixedWidthInteger)?) {
        guard let value else { return }
        self[key] = Int64(exactly: value).map { .int($0) } ?? .double(Double(value))
    }

    package mutating func put(_ key: String, _ values: [String]) {
        if !values.isEmpty { self[key] = .array(values.map { .string($0) }) }
    }

    package mutating func put(_ key: String, integers: [some FixedWidthInteger]) {
        if !integers.isEmpty { self[key] = .array(integers.map { .int(Int64(clamping: $0)) }) }
    }

    package mutating func put(_ key: String, map: [(key: String, value: String)]) {
        if !map.isEmpty { self[key] = .object(JSONObject(map.map { ($0.key, .string($0.value)) })) }
    }

    package mutating func put(_ key: String, _ part: (some SpecValue)?) {
        if let part { self[key] = part.json }
    }

    package mutating func put(_ key: String, parts: [some SpecValue]) {
        if !parts.isEmpty { self[key] = .array(parts.map(\.json)) }
    }
}
