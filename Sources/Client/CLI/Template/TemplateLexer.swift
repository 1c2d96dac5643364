// SPDX-License-Identifier: Apache-2.0
// Cuts a Go template into text and tokens: trim markers, comments, strings, numbers, fields, variables.

/// A word inside `{{ }}`, or the text between actions.
struct TemplateToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case text, open, close, identifier, field, dot, variable, string, rawString, character, number
        case leftParen, rightParen, pipe, declare, assign, comma, space, end
    }
    let kind: Kind
    let text: String
    let position: Int
    let line: Int
}

/// The scanner; works on bytes.
struct TemplateLexer {
    private let bytes: [UInt8]
    private let name: String
    private var position = 0
    private var tokens: [TemplateToken] = []

    static func tokens(of source: String, name: String = "") throws(TemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(bytes: Array(source.utf8), name: name)
        try lexer.scan()
        return lexer.tokens
    }

    private init(bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    private func line(at position: Int) -> Int { 1 + bytes[..<min(position, bytes.count)].count { $0 == 10 } }

    private func failure(_ message: String, at position: Int) -> TemplateError {
        TemplateError("template: \(name):\(line(at: position)): \(message)")
    }

    private func has(_ text: String, at position: Int) -> Bool { bytes[position...].starts(with: text.utf8) }

    private mutating func emit(_ kind: TemplateToken.Kind, _ start: Int, _ end: Int) {
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        tokens.append(TemplateToken(kind: kind, text: text, position: start, line: line(at: start)))
    }

    private func isSpace(_ index: Int) -> Bool {
        index < bytes.count && (bytes[index] == 32 || bytes[index] == 9 || bytes[index] == 10 || bytes[index] == 13)
    }

    private mutating func scan() throws(TemplateError) {
        var textStart = 0
        while position < bytes.count {
            guard has("{{", at: position) else {
                position += 1
                continue
            }
            let open = position
            let trimsLeft = has("{{-", at: open) && isSpace(open + 3)
            var textEnd = open
            if trimsLeft { while textEnd > textStart, isSpace(textEnd - 1) { textEnd -= 1 } }
            if textEnd > textStart { emit(.text, textStart, textEnd) }
            position = open + (trimsLeft ? 4 : 2)
            let trimsRight = try has("/*", at: position) ? comment(open) : action(open)
            if trimsRight { while isSpace(position) { position += 1 } }
            textStart = position
        }
        if textStart < bytes.count { emit(.text, textStart, bytes.count) }
        tokens.append(TemplateToken(kind: .end, text: "EOF", position: bytes.count, line: line(at: bytes.count)))
    }

    private mutating func comment(_ open: Int) throws(TemplateError) -> Bool {
        while position + 1 < bytes.count, !has("*/", at: position) { position += 1 }
        guard position + 1 < bytes.count else { throw failure("unclosed comment", at: open) }
        position += 2
        if isSpace(position), has("-}}", at: position + 1) {
            position += 4
            return true
        }
        guard has("}}", at: position) else { throw failure("comment ends before closing delimiter", at: open) }
        position += 2
        return false
    }

    /// Scans up to the closing delimiter; true when that trims the following text.
    private mutating func action(_ open: Int) throws(TemplateError) -> Bool {
        emit(.open, open, open + 2)
        var depth = 0
        while true {
            guard position < bytes.count else { throw failure("unclosed action", at: open) }
            if isSpace(position), position + 1 < bytes.count, has("-}}", at: position + 1) {
                emit(.close, position + 2, position + 4)
                position += 4
                return true
            }
            if has("}}", at: position) {
                guard depth == 0 else { throw failure("unclosed left paren", at: position) }
                emit(.close, position, position + 2)
                position += 2
                return false
            }
            try token(&depth)
        }
    }

    private mutating func token(_ depth: inout Int) throws(TemplateError) {
        let start = position
        let byte = bytes[position]
        func single(_ kind: TemplateToken.Kind, _ lexer: inout TemplateLexer) {
            lexer.position += 1
            lexer.emit(kind, start, start + 1)
        }
        switch byte {
        case _ where isSpace(position):
            while isSpace(position), !(position + 1 < bytes.count && has("-}}", at: position + 1)) { position += 1 }
            emit(.space, start, position)
        case UInt8(ascii: "("):
            depth += 1
            single(.leftParen, &self)
        case UInt8(ascii: ")"):
            depth -= 1
            guard depth >= 0 else { throw failure("unexpected right paren", at: start) }
            single(.rightParen, &self)
        case UInt8(ascii: "|"): single(.pipe, &self)
        case UInt8(ascii: ","): single(.comma, &self)
        case UInt8(ascii: "="): single(.assign, &self)
        case UInt8(ascii: ":"):
            guard has(":=", at: position) else { throw failure("expected :=", at: start) }
            position += 2
            emit(.declare, start, position)
        case UInt8(ascii: "\""): try quoted(byte, .string, "unterminated quoted string")
        case UInt8(ascii: "`"): try quoted(byte, .rawString, "unterminated raw quoted string")
        case UInt8(ascii: "'"): try quoted(byte, .character, "unterminated character constant")
        case UInt8(ascii: "."):
            if position + 1 < bytes.count, isDigit(bytes[position + 1]) { return number() }
            position += 1
            word()
            emit(position == start + 1 ? .dot : .field, start, position)
        case UInt8(ascii: "$"):
            position += 1
            word()
            emit(.variable, start, position)
        case _ where isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+"): number()
        case _ where isWord(byte):
            word()
            emit(.identifier, start, position)
        default:
            let character = String(decoding: bytes[start..<min(start + 1, bytes.count)], as: UTF8.self)
            if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "{") {
                throw failure("bad character U+\(byte == 125 ? "007D" : "007B") '\(character)'", at: start)
            }
            throw failure("unexpected \(Quoted.go(character)) in command", at: start)
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 || byte >= 128
    }

    private mutating func word() { while position < bytes.count, isWord(bytes[position]) { position += 1 } }

    private mutating func number() {
        let start = position
        position += 1
        while position < bytes.count, isWord(bytes[position]) || bytes[position] == 46 || isExponentSign {
            position += 1
        }
        emit(.number, start, position)
    }

    private var isExponentSign: Bool {
        (bytes[position] == 43 || bytes[position] == 45) && (bytes[position - 1] | 32) == UInt8(ascii: "e")
    }

    private mutating func quoted(_ quote: UInt8, _ kind: TemplateToken.Kind, _ message: String) throws(TemplateError) {
        let start = position
        position += 1
        while position < bytes.count, bytes[position] != quote {
            if quote != 96, bytes[position] == 10 { throw failure(message, at: start) }
            if quote != 96, bytes[position] == 92 { position += 1 }
            position += 1
        }
        guard position < bytes.count else { throw failure(message, at: start) }
        position += 1
        emit(kind, start, position)
    }
}
