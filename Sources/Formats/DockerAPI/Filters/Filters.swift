// SPDX-License-Identifier: Apache-2.0
// The `filters` parameter of list, prune and events requests.
import JSON
package import Primitives

/// Accepted values by key. Both spellings of the wire are read: `{"label":["a=b"]}` and the older `{"label":{"a=b":true}}`.
package struct Filters: Sendable, Equatable {
    package private(set) var values: [String: [String]]

    package init(_ values: [String: [String]] = [:]) { self.values = values }

    /// Reads the parameter as it stands in the query; nil and the empty string mean no filter.
    package init(parsing text: String?) throws(EngineError) {
        values = [:]
        guard let text, !text.isEmpty else { return }
        let parsed: JSONValue
        do { parsed = try JSONValue.parse(text) } catch { throw .invalidArgument("invalid filters: \(error)") }
        guard case .object(let object) = parsed else { throw .invalidArgument("invalid filters: not a JSON object") }
        for (key, value) in object.fields {
            switch value {
            case .array(let items):
                let strings = items.compactMap(\.string)
                guard strings.count == items.count else { throw .invalidArgument("Invalid filter '\(key)'") }
                values[key] = strings
            case .object(let set): values[key] = set.fields.filter { $0.value.bool != false }.map(\.key)
            case .null: continue
            default: throw .invalidArgument("Invalid filter '\(key)'")
            }
        }
    }

    package var isEmpty: Bool { values.isEmpty }

    /// The accepted values of a key; nil when the key was not given.
    package subscript(key: String) -> [String]? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

    /// Refuses keys the request does not know.
    package func validate(_ accepted: Set<String>) throws(EngineError) {
        for key in values.keys.sorted() where !accepted.contains(key) {
            throw .invalidArgument("Invalid filter '\(key)'")
        }
    }

    /// The single truth value of a key such as `dangling`.
    package func bool(_ key: String) throws(EngineError) -> Bool? {
        guard let given = self[key] else { return nil }
        let parsed = given.map { text -> Bool? in
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": true
            case "0", "f", "F", "false", "FALSE", "False": false
            default: nil
            }
        }
        guard let first = parsed.first ?? nil, parsed.allSatisfy({ $0 == first }) else {
            throw .invalidArgument("Invalid filter '\(key)=\(given)'")
        }
        return first
    }

    /// Whether `labels` carry every label of the key: `name` or `name=value`.
    package func matchesLabels(_ labels: [String: String], key: String = "label") -> Bool {
        (self[key] ?? []).allSatisfy { wanted in
            guard let equals = wanted.firstIndex(of: "=") else { return labels[wanted] != nil }
            return labels[String(wanted[..<equals])] == String(wanted[wanted.index(after: equals)...])
        }
    }

    /// The parameter's text in a query, before percent encoding.
    package var text: String {
        JSONValue.object(
            JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, .array($0.value.map { .string($0) })) })
        ).text()
    }
}
