// SPDX-License-Identifier: Apache-2.0
// Builds the tree of a Go template from its tokens.

/// A parsed template with those it defines.
package struct Template: Sendable {
    let source: [UInt8]
    let root: [TemplateNode]
    let named: [String: [TemplateNode]]

    package init(_ source: String) throws(TemplateError) {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        (root, named) = try parser.parse()
        self.source = Array(source.utf8)
    }
}

/// Recursive descent over tokens.
struct TemplateParser {
    private var tokens: [TemplateToken]
    private var index = 0
    private var named: [String: [TemplateNode]] = [:]
    private var loopDepth = 0
    /// Variables in scope, outermost first; using another one is an error of the template.
    private var variables = ["$"]

    init(tokens: [TemplateToken]) { self.tokens = tokens }

    private var current: TemplateToken { tokens[min(index, tokens.count - 1)] }

    private mutating func next() -> TemplateToken {
        defer { index += 1 }
        return current
    }

    private mutating func skipSpace() { while current.kind == .space { index += 1 } }

    private func failure(_ message: String) -> TemplateError { TemplateError("template: :\(current.line): \(message)") }

    private func unexpected(_ token: TemplateToken, _ place: String) -> TemplateError {
        let shown =
            switch token.kind {
            case .end: "EOF"
            case .identifier where TemplateParser.keywords.contains(token.text): "<\(token.text)>"
            default: Quoted.go(token.text)
            }
        return TemplateError("template: :\(token.line): unexpected \(shown)" + (place.isEmpty ? "" : " in \(place)"))
    }

    private static let keywords: Set<String> = [
        "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil",
    ]

    mutating func parse() throws(TemplateError) -> ([TemplateNode], [String: [TemplateNode]]) {
        let (nodes, stop) = try list()
        if let stop { throw failure("unexpected {{\(stop)}}") }
        return (nodes, named)
    }

    /// Nodes up to `{{end}}`, `{{else}}` (its name is returned, the keyword consumed) or the end of input (nil).
    private mutating func list() throws(TemplateError) -> ([TemplateNode], String?) {
        var nodes: [TemplateNode] = []
        while current.kind != .end {
            let token = next()
            if token.kind == .text {
                nodes.append(.text(token.text))
                continue
            }
            skipSpace()
            let word = current.kind == .identifier ? current.text : ""
            switch word {
            case "end":
                index += 1
                try expectClose("end")
                return (nodes, "end")
            case "else":
                index += 1
                return (nodes, "else")
            case "if", "with", "range":
                index += 1
                nodes.append(.branch(try branch(word)))
            case "define":
                index += 1
                try define(block: false)
            case "block":
                index += 1
                nodes.append(try block())
            case "template":
                index += 1
                nodes.append(try template())
            case "break", "continue":
                guard loopDepth > 0 else { throw failure("{{\(word)}} outside {{range}}") }
                index += 1
                try expectClose(word)
                nodes.append(word == "break" ? .breakLoop : .continueLoop)
            default: nodes.append(.action(try pipeline("command", until: .close)))
            }
        }
        return (nodes, nil)
    }

    private mutating func expectClose(_ place: String) throws(TemplateError) {
        skipSpace()
        let token = next()
        guard token.kind == .close else { throw unexpected(token, place) }
    }

    private mutating func branch(_ word: String) throws(TemplateError) -> TemplateBranch {
        let scope = variables.count
        defer { variables.removeLast(variables.count - scope) }
        let pipeline = try pipeline(word, until: .close)
        if word == "range" { loopDepth += 1 }
        var (body, stop) = try list()
        if word == "range" { loopDepth -= 1 }
        var otherwise: [TemplateNode] = []
        if stop == "else" {
            skipSpace()
            if current.kind == .identifier, current.text == word, word != "range" {
                index += 1
                otherwise = [.branch(try branch(word))]
                stop = "end"
            } else {
                try expectClose("else")
                (otherwise, stop) = try list()
                if stop == "else" { throw failure("expected end; found {{else}}") }
            }
        }
        guard stop == "end" else { throw failure("unexpected EOF") }
        let kind: TemplateBranch.Kind = word == "if" ? .test : word == "with" ? .with : .range
        return TemplateBranch(kind: kind, pipeline: pipeline, body: body, otherwise: otherwise)
    }

    private mutating func templateName(_ place: String) throws(TemplateError) -> String {
        skipSpace()
        let token = next()
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, place) }
        return try TemplateLiteral.string(token)
    }

    @discardableResult
    private mutating func define(block: Bool) throws(TemplateError) -> String {
        let name = try templateName("define clause")
        try expectClose("define clause")
        let outer = variables
        variables = ["$"]
        let (body, stop) = try list()
        variables = outer
        guard stop == "end" else { throw failure("unexpected \(stop == nil ? "EOF" : "{{else}}") in define clause") }
        named[name] = body
        return name
    }

    private mutating func block() throws(TemplateError) -> TemplateNode {
        let position = current.position
        let name = try templateName("block clause")
        let argument = try pipeline("block clause", until: .close)
        let (body, stop) = try list()
        guard stop == "end" else { throw failure("unexpected EOF") }
        if named[name] == nil { named[name] = body }
        return .template(name: name, argument: argument, position: position)
    }

    private mutating func template() throws(TemplateError) -> TemplateNode {
        skipSpace()
        let position = current.position
        let name = try templateName("template clause")
        skipSpace()
        if current.kind == .close {
            index += 1
            return .template(name: name, argument: nil, position: position)
        }
        return .template(name: name, argument: try pipeline("template clause", until: .close), position: position)
    }

    private mutating func pipeline(
        _ place: String, until end: TemplateToken.Kind
    ) throws(TemplateError) -> TemplatePipeline {
        var result = TemplatePipeline()
        skipSpace()
        try declarations(place, &result)
        while true {
            skipSpace()
            if current.kind == end {
                guard !result.commands.isEmpty else { throw failure("missing value for \(place)") }
                index += 1
                return result
            }
            let operands = try command(until: end)
            if let first = operands.first, !result.commands.isEmpty, case .constant = first.kind {
                throw failure("non executable command in pipeline stage \(result.commands.count + 1)")
            }
            result.commands.append(TemplateCommand(operands: operands))
            skipSpace()
            if current.kind == .pipe {
                index += 1
                skipSpace()
                if current.kind == end { throw failure("missing value for \(place)") }
            }
        }
    }

    /// `$x :=`, `$x =`, and `$i, $x :=` of range.
    private mutating func declarations(_ place: String, _ result: inout TemplatePipeline) throws(TemplateError) {
        guard current.kind == .variable else { return }
        let start = index
        var names: [String] = []
        while current.kind == .variable {
            names.append(next().text)
            skipSpace()
            guard current.kind == .comma, place == "range", names.count == 1 else { break }
            index += 1
            skipSpace()
        }
        guard current.kind == .declare || current.kind == .assign else {
            index = start
            return
        }
        result.isAssignment = next().kind == .assign
        result.variables = names
        if result.isAssignment {
            for name in names where !variables.contains(name) { throw failure("undefined variable \(Quoted.go(name))") }
        } else {
            variables += names
        }
    }

    private mutating func command(until end: TemplateToken.Kind) throws(TemplateError) -> [TemplateOperand] {
        var operands: [TemplateOperand] = []
        while true {
            skipSpace()
            if current.kind == .pipe || current.kind == end { break }
            operands.append(try operand())
            if ![.space, .pipe, end].contains(current.kind) { throw unexpected(current, "operand") }
        }
        guard !operands.isEmpty else { throw failure("empty command") }
        return operands
    }

    private mutating func operand() throws(TemplateError) -> TemplateOperand {
        let token = next()
        func made(_ kind: TemplateOperand.Kind, _ position: Int = token.position) -> TemplateOperand {
            TemplateOperand(kind: kind, position: position)
        }
        switch token.kind {
        case .dot: return made(.dot)
        case .field:
            let (names, position) = chain()
            return made(.field([String(token.text.dropFirst())] + names), position ?? token.position)
        case .variable:
            guard variables.contains(token.text) else { throw failure("undefined variable \(Quoted.go(token.text))") }
            let (names, position) = chain()
            return made(.variable(token.text, names), position ?? token.position)
        case .string, .rawString: return made(.constant(.string(try TemplateLiteral.string(token)), source: token.text))
        case .character: return made(.constant(.int(try TemplateLiteral.character(token)), source: token.text))
        case .number: return made(.constant(try TemplateLiteral.number(token), source: token.text))
        case .identifier:
            if token.text == "true" || token.text == "false" {
                return made(.constant(.bool(token.text == "true"), source: token.text))
            }
            if token.text == "nil" { return made(.nothing) }
            guard TemplateFunctions.names.contains(token.text) else {
                if TemplateParser.keywords.contains(token.text) { throw unexpected(token, "command") }
                throw failure("function \(Quoted.go(token.text)) not defined")
            }
            let (names, _) = chain()
            return made(names.isEmpty ? .function(token.text) : .functionChain(token.text, names))
        case .leftParen:
            let inner = try pipeline("parenthesized pipeline", until: .rightParen)
            return made(.nested(inner, chain().names))
        default: throw unexpected(token, "command")
        }
    }

    private mutating func chain() -> (names: [String], position: Int?) {
        var names: [String] = []
        var position: Int?
        while current.kind == .field {
            if position == nil { position = current.position }
            names.append(String(next().text.dropFirst()))
        }
        return (names, position)
    }
}
