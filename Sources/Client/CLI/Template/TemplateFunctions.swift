// SPDX-License-Identifier: Apache-2.0
// The functions of Go's text/template and those the Docker client adds.
import DockerClient
import JSON

/// Functions by name.
enum TemplateFunctions {
    static let names: Set<String> = [
        "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "call",
        "eq", "ne", "lt", "le", "gt", "ge",
        "json", "split", "join", "title", "lower", "upper", "pad", "truncate",
    ]

    /// What only decorates cells leaves the headings of a table alone.
    static let passThroughInHeaders: Set<String> = [
        "json", "lower", "upper", "title", "truncate", "pad", "split", "join",
    ]

    static func typeName(_ value: JSONValue) -> String {
        switch value {
        case .null: "interface {}"
        case .bool: "bool"
        case .int: "int"
        case .double: "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }

    static func call(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        func need(_ count: Int, atLeast: Bool = false) throws(TemplateError) {
            guard atLeast ? arguments.count >= count : arguments.count == count else {
                throw TemplateError(
                    "wrong number of args for \(name): want \(atLeast ? "at least " : "")\(count) got \(arguments.count)"
                )
            }
        }
        func text(_ index: Int) -> String { arguments[index].text }
        switch name {
        case "not":
            try need(1)
            return .bool(!arguments[0].isTrue)
        case "len":
            try need(1)
            return .int(try length(arguments[0]))
        case "index":
            try need(1, atLeast: true)
            return try index(arguments)
        case "slice":
            try need(1, atLeast: true)
            return try slice(arguments)
        case "print": return .string(print(arguments))
        case "println": return .string(arguments.map(\.text).joined(separator: " ") + "\n")
        case "printf":
            try need(1, atLeast: true)
            return .string(GoFormat.text(text(0), Array(arguments.dropFirst())))
        case "html": return .string(html(arguments.map(\.text).joined()))
        case "js": return .string(javaScript(arguments.map(\.text).joined()))
        case "urlquery": return .string(URLText.query(arguments.map(\.text).joined()))
        case "call": throw TemplateError("non-function of type \(arguments.first.map { typeName($0.json) } ?? "nil")")
        case "eq", "ne", "lt", "le", "gt", "ge": return .bool(try TemplateComparison.compare(name, arguments))
        case "json":
            try need(1)
            // A row is marshalled by Go's encoder with its HTML escapes, plain data without.
            if case .record(let record) = arguments[0] { return .string(record.json.text(escapesHTML: true)) }
            return .string(arguments[0].json.text(escapesHTML: false))
        case "split":
            try need(2)
            return .json(.array(Text.split(text(0), text(1)).map { .string($0) }))
        case "join":
            try need(2)
            if case .json(.array(let parts)) = arguments[0] {
                return .string(parts.map { TemplateValue.json($0).text }.joined(separator: text(1)))
            }
            if case .typedNil = arguments[0] { return .string("") }
            throw TemplateError("wrong type for value; expected []string; got \(typeName(arguments[0].json))")
        case "title":
            try need(1)
            return .string(title(text(0)))
        case "lower":
            try need(1)
            return .string(text(0).lowercased())
        case "upper":
            try need(1)
            return .string(text(0).uppercased())
        case "pad":
            try need(3)
            if text(0).isEmpty { return .string("") }
            func spaces(_ value: TemplateValue) -> String {
                String(repeating: " ", count: Int(max(0, value.json.int ?? 0)))
            }
            return .string(spaces(arguments[1]) + text(0) + spaces(arguments[2]))
        case "truncate":
            try need(2)
            return .string(String(text(0).prefix(Int(max(0, arguments[1].json.int ?? 0)))))
        default: throw TemplateError("function \(Quoted.go(name)) not defined")
        }
    }

    private static func length(_ value: TemplateValue) throws(TemplateError) -> Int64 {
        switch value {
        case .json(.string(let text)): return Int64(text.utf8.count)
        case .json(.array(let array)): return Int64(array.count)
        case .json(.object(let object)): return Int64(object.count)
        // An absent list of the API (ports that are exposed, not published) is Go's nil slice.
        case .json(.null): return 0
        case .typedNil("<nil>"), .missing: throw TemplateError("len of nil pointer")
        case .typedNil: return 0
        default: throw TemplateError("len of type \(typeName(value.json))")
        }
    }

    private static func index(_ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        var value = arguments[0]
        for key in arguments.dropFirst() {
            switch value {
            case .json(.object(let object)):
                guard case .json(.string(let name)) = key else {
                    throw TemplateError("value has type \(typeName(key.json)); should be string")
                }
                value = object[name].map { .json($0) } ?? .missing
            case .json(.array(let array)):
                guard let position = key.json.int else {
                    throw TemplateError("cannot index slice/array with type \(typeName(key.json))")
                }
                guard array.indices.contains(Int(position)) else {
                    throw TemplateError(
                        position < 0 || position >= array.count
                            ? "reflect: slice index out of range" : "index out of range: \(position)")
                }
                value = .json(array[Int(position)])
            case .json(.string(let text)):
                let bytes = Array(text.utf8)
                guard let position = key.json.int, bytes.indices.contains(Int(position)) else {
                    throw TemplateError("index out of range: \(key.text)")
                }
                value = .int(Int64(bytes[Int(position)]))
            case .typedNil("map[]"): value = .missing
            case .missing, .json(.null), .typedNil: throw TemplateError("index of untyped nil")
            default: throw TemplateError("can't index item of type \(typeName(value.json))")
            }
        }
        return value
    }

    private static func slice(_ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        let bounds = arguments.dropFirst().map { $0.json.int ?? -1 }
        func range(_ count: Int) throws(TemplateError) -> Range<Int> {
            let low = Int(bounds.first ?? 0)
            let high = bounds.count > 1 ? Int(bounds[1]) : count
            guard low >= 0, high <= count, low <= high else {
                throw TemplateError(
                    low > high ? "invalid slice index: \(low) > \(high)" : "index out of range: \(max(low, high))")
            }
            return low..<high
        }
        switch arguments[0] {
        case .json(.string(let text)):
            let bytes = Array(text.utf8)
            return .string(String(decoding: bytes[try range(bytes.count)], as: UTF8.self))
        case .json(.array(let array)): return .json(.array(Array(array[try range(array.count)])))
        default: throw TemplateError("can't slice item of type \(typeName(arguments[0].json))")
        }
    }

    /// `fmt.Sprint`: a space between operands when neither is a string.
    private static func print(_ arguments: [TemplateValue]) -> String {
        var result = ""
        var previousIsText = true
        for (index, argument) in arguments.enumerated() {
            var isText = false
            if case .json(.string) = argument { isText = true }
            if index > 0, !isText, !previousIsText { result += " " }
            result += argument.text
            previousIsText = isText
        }
        return result
    }

    private static func html(_ text: String) -> String {
        let names: [Character: String] = [
            "\"": "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\u{FFFD}",
        ]
        return text.map { names[$0] ?? String($0) }.joined()
    }

    private static func javaScript(_ text: String) -> String {
        let names: [Character: String] = [
            "\\": "\\\\", "'": "\\'", "\"": "\\\"", "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
            "\n": "\\u000A", "\r": "\\u000D", "\t": "\\u0009",
        ]
        return text.map { names[$0] ?? String($0) }.joined()
    }

    private static func title(_ text: String) -> String {
        var startsWord = true
        return text.map { character in
            defer { startsWord = !(character.isLetter || character.isNumber || character == "_" || character == "'") }
            return startsWord ? character.uppercased() : String(character)
        }.joined()
    }
}
