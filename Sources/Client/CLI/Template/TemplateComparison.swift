// SPDX-License-Identifier: Apache-2.0
// eq, ne, lt, le, gt, ge of Go's templates.
import JSON

/// Comparison of basic kinds; mixed kinds are an error as in Go.
enum TemplateComparison {
    static func compare(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> Bool {
        guard arguments.count >= 2 || (name == "eq" && arguments.count == 1) else {
            throw TemplateError(
                "wrong number of args for \(name): want \(name == "eq" ? "at least 1" : "2") got \(arguments.count)")
        }
        if arguments.count == 1 { throw TemplateError("missing argument for comparison") }
        let left = arguments[0]
        if name == "eq" {
            for right in arguments.dropFirst() where try equal(left, right) { return true }
            return false
        }
        let right = arguments[1]
        switch name {
        case "ne": return !(try equal(left, right))
        case "lt": return try less(left, right)
        case "le":
            if try less(left, right) { return true }
            return try equal(left, right)
        case "gt":
            if try less(left, right) { return false }
            return !(try equal(left, right))
        default: return !(try less(left, right))
        }
    }

    private static func equal(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        switch (left.json, right.json) {
        case (.null, .null): return true
        case (.null, _), (_, .null): return false
        case (.bool(let a), .bool(let b)): return a == b
        case (.int(let a), .int(let b)): return a == b
        case (.double(let a), .double(let b)): return a == b
        case (.string(let a), .string(let b)): return a == b
        case (.array, _), (_, .array), (.object, _), (_, .object):
            throw TemplateError("non-comparable type \(left.text)")
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    private static func less(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        switch (left.json, right.json) {
        case (.int(let a), .int(let b)): return a < b
        case (.double(let a), .double(let b)): return a < b
        case (.string(let a), .string(let b)): return Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8))
        case (.int, _), (.double, _), (.string, _): throw TemplateError("incompatible types for comparison")
        default: throw TemplateError("invalid type for comparison")
        }
    }
}
