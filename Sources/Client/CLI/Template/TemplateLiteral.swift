// SPDX-License-Identifier: Apache-2.0
// Constants of a template: Go's strings with escapes, raw strings, characters and numbers.
import JSON

/// Decodes literal tokens.
enum TemplateLiteral {
    static func string(_ token: TemplateToken) throws(TemplateError) -> String {
        let inner = token.text.dropFirst().dropLast()
        if token.kind == .rawString { return String(inner) }
        guard let text = unescaped(inner) else {
            throw TemplateError("template: :\(token.line): invalid syntax")
        }
        return text
    }

    static func character(_ token: TemplateToken) throws(TemplateError) -> Int64 {
        guard let text = unescaped(token.text.dropFirst().dropLast()), text.unicodeScalars.count == 1,
            let scalar = text.unicodeScalars.first
        else { throw TemplateError("template: :\(token.line): malformed character constant: \(token.text)") }
        return Int64(scalar.value)
    }

    static func number(_ token: TemplateToken) throws(TemplateError) -> TemplateValue {
        let plain = String(token.text.filter { $0 != "_" })
        if let integer = FlagSyntax.integer(plain) { return .int(integer) }
        if let double = Double(plain) { return .json(.double(double)) }
        throw TemplateError("template: :\(token.line): bad number syntax: \(Quoted.go(token.text))")
    }

    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "\\" else {
                bytes += Array(String(scalar).utf8)
                continue
            }
            guard let escape = scalars.popFirst() else { return nil }
            let simple: [Unicode.Scalar: UInt8] = [
                "n": 10, "t": 9, "r": 13, "\\": 92, "\"": 34, "'": 39, "a": 7, "b": 8, "f": 12, "v": 11,
            ]
            if let byte = simple[escape] {
                bytes.append(byte)
                continue
            }
            let length: Int
            let radix: Int
            switch escape {
            case "x": (length, radix) = (2, 16)
            case "u": (length, radix) = (4, 16)
            case "U": (length, radix) = (8, 16)
            case "0"..."7":
                (length, radix) = (3, 8)
                scalars = text.unicodeScalars[text.unicodeScalars.index(before: scalars.startIndex)...]
            default: return nil
            }
            let digits = String(String.UnicodeScalarView(scalars.prefix(length)))
            guard digits.unicodeScalars.count == length, let value = UInt32(digits, radix: radix) else { return nil }
            scalars = scalars.dropFirst(length)
            if escape == "u" || escape == "U" {
                guard let character = Unicode.Scalar(value) else { return nil }
                bytes += Array(String(character).utf8)
            } else {
                bytes.append(UInt8(truncatingIfNeeded: value))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
