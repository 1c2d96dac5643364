// SPDX-License-Identifier: Apache-2.0
// Runs a parsed Go template over a value.
import JSON

extension Template {
    /// The output for `value`. `raw`: `value` is a document of the daemon, whose missing keys are errors as in `docker inspect -f`.
    package func execute(_ value: TemplateValue, isHeader: Bool = false) throws(TemplateError) -> String {
        var run = TemplateRun(template: self, dot: value, isHeader: isHeader)
        do { _ = try run.walk(root, value) } catch let error as TemplateError { throw error } catch {
            throw TemplateError("\(error)")
        }
        return run.output
    }
}

/// One execution: output so far and the variables in scope.
struct TemplateRun {
    private let template: Template
    private let isHeader: Bool
    private var variables: [(name: String, value: TemplateValue)]
    private(set) var output = ""
    private var depth = 0

    enum Flow { case next, breakLoop, continueLoop }

    init(template: Template, dot: TemplateValue, isHeader: Bool) {
        self.template = template
        self.isHeader = isHeader
        variables = [("$", dot)]
    }

    mutating func walk(_ nodes: [TemplateNode], _ dot: TemplateValue) throws -> Flow {
        for node in nodes {
            switch node {
            case .text(let text): output += text
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot)
                if pipeline.variables.isEmpty { output += value.text }
            case .branch(let branch):
                let flow = try walk(branch, dot)
                if flow != .next { return flow }
            case .template(let name, let argument, let position):
                guard let body = template.named[name] else {
                    throw TemplateError(
                        "template: \(location(position)): executing \"\" at <{{template \(Quoted.go(name))}}>: "
                            + "template \(Quoted.go(name)) not defined")
                }
                let value = try argument.map { pipeline throws in try evaluate(pipeline, dot) } ?? .missing
                depth += 1
                guard depth < 1000 else { throw TemplateError("template: exceeded maximum template depth (1000)") }
                let outer = variables
                variables = [("$", value)]
                _ = try walk(body, value)
                variables = outer
                depth -= 1
            case .breakLoop: return .breakLoop
            case .continueLoop: return .continueLoop
            }
        }
        return .next
    }

    private mutating func walk(_ branch: TemplateBranch, _ dot: TemplateValue) throws -> Flow {
        let mark = variables.count
        defer { variables.removeLast(variables.count - mark) }
        if branch.kind == .range { return try range(branch, dot) }
        let value = try evaluate(branch.pipeline, dot)
        if value.isTrue { return try walk(branch.body, branch.kind == .with ? value : dot) }
        return try walk(branch.otherwise, dot)
    }

    private mutating func range(_ branch: TemplateBranch, _ dot: TemplateValue) throws -> Flow {
        var pipeline = branch.pipeline
        let names = pipeline.variables
        pipeline.variables = []
        let value = try evaluate(pipeline, dot)
        let pairs: [(TemplateValue, TemplateValue)]
        switch value {
        case .missing, .typedNil, .json(.null): pairs = []
        case .json(.array(let array)): pairs = array.enumerated().map { (.int(Int64($0.offset)), .json($0.element)) }
        case .json(.object(let object)):
            pairs = object.fields.sorted { $0.key < $1.key }.map { (.string($0.key), .json($0.value)) }
        case .json(.int(let count)): pairs = (0..<max(0, count)).map { (.int($0), .int($0)) }
        case .json, .record:
            let text = pipeline.commands.map(\.text).joined(separator: " | ")
            throw failure("range can't iterate over \(value.text)", at: pipeline.commands[0].operands[0], shown: text)
        }
        if pairs.isEmpty { return try walk(branch.otherwise, dot) }
        for (key, element) in pairs {
            let mark = variables.count
            let assigned = names.count == 1 ? [element] : [key, element]
            for (name, value) in zip(names, assigned) {
                if branch.pipeline.isAssignment { set(name, value) } else { variables.append((name, value)) }
            }
            let flow = try walk(branch.body, element)
            variables.removeLast(variables.count - mark)
            if flow == .breakLoop { break }
        }
        return .next
    }

    private mutating func set(_ name: String, _ value: TemplateValue) {
        if let index = variables.lastIndex(where: { $0.name == name }) { variables[index].value = value }
    }

    private mutating func evaluate(_ pipeline: TemplatePipeline, _ dot: TemplateValue) throws -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands { value = try evaluate(command, dot, piped: value) }
        let result = value ?? .missing
        for name in pipeline.variables {
            if pipeline.isAssignment { set(name, result) } else { variables.append((name, result)) }
        }
        return result
    }

    private mutating func evaluate(
        _ command: TemplateCommand, _ dot: TemplateValue, piped: TemplateValue?
    ) throws -> TemplateValue {
        let head = command.operands[0]
        let rest = command.operands.dropFirst()
        switch head.kind {
        case .function(let name): return try call(name, head, rest, dot, piped, shown: command.text)
        case .functionChain(let name, let fields):
            return try look(fields, in: try call(name, head, rest, dot, piped, shown: command.text), head, [])
        case .field(let names):
            let arguments = try rest.map { operand throws in try self.value(operand, dot) } + (piped.map { [$0] } ?? [])
            return try look(names, in: dot, head, arguments)
        case .variable(let name, let names) where !names.isEmpty:
            let arguments = try rest.map { operand throws in try self.value(operand, dot) } + (piped.map { [$0] } ?? [])
            return try look(names, in: variable(name), head, arguments)
        case .nothing: throw failure("nil is not a command", at: head)
        default:
            if !rest.isEmpty || piped != nil {
                throw failure("can't give argument to non-function \(head.text)", at: head)
            }
            return try value(head, dot)
        }
    }

    private func variable(_ name: String) -> TemplateValue {
        variables.last { $0.name == name }?.value ?? .missing
    }

    private mutating func value(_ operand: TemplateOperand, _ dot: TemplateValue) throws -> TemplateValue {
        switch operand.kind {
        case .dot: return dot
        case .nothing: return .json(.null)
        case .constant(let value, _): return value
        case .field(let names): return try look(names, in: dot, operand, [])
        case .variable(let name, let names): return try look(names, in: variable(name), operand, [])
        case .function(let name): return try call(name, operand, [], dot, nil)
        case .functionChain(let name, let names):
            return try look(names, in: try call(name, operand, [], dot, nil), operand, [])
        case .nested(let pipeline, let names): return try look(names, in: try evaluate(pipeline, dot), operand, [])
        }
    }

    /// Follows a chain of fields; arguments go to the last one, which then must be a method.
    private func look(
        _ names: [String], in value: TemplateValue, _ operand: TemplateOperand, _ arguments: [TemplateValue]
    ) throws -> TemplateValue {
        var value = value
        for (index, name) in names.enumerated() {
            let given = index == names.count - 1 ? arguments : []
            let isLast = index == names.count - 1
            value = try look(name, in: value, operand, given, isLast: isLast, parent: index > 0 ? names[index - 1] : "")
        }
        return value
    }

    private func look(
        _ name: String, in value: TemplateValue, _ operand: TemplateOperand, _ arguments: [TemplateValue], isLast: Bool,
        parent: String
    ) throws -> TemplateValue {
        switch value {
        case .record(let record):
            if let method = record.method(name) {
                do { return try method(arguments) } catch {
                    throw failure("wrong number of args for \(name): want 1 got \(arguments.count)", at: operand)
                }
            }
            if let column = record.column(name) { return column }
            throw failure("can't evaluate field \(name) in type \(record.typeName)", at: operand)
        case .json(.object(let object)):
            if isHeader, name == "Label", let label = arguments.first { return .string(LabelText.heading(label.text)) }
            if !arguments.isEmpty {
                throw failure("\(name) is not a method but has arguments", at: operand)
            }
            if isHeader { return .string(object[name]?.string ?? "") }
            return try InspectKeys.value(name, in: object, parent: parent, isLast: isLast)
                ?? { () throws in throw failure("map has no entry for key \(Quoted.go(name))", at: operand) }()
        case .missing where isHeader: return .string("")
        case .missing, .json(.null): throw failure("nil data; no entry for key \(Quoted.go(name))", at: operand)
        case .typedNil(let shown):
            if shown == "map[]" { return .missing }
            throw failure("nil pointer evaluating interface {}.\(name)", at: operand)
        case .json(let json):
            if isHeader { return .string("") }
            throw failure("can't evaluate field \(name) in type \(TemplateFunctions.typeName(json))", at: operand)
        }
    }

    private mutating func call(
        _ name: String, _ operand: TemplateOperand, _ rest: ArraySlice<TemplateOperand>, _ dot: TemplateValue,
        _ piped: TemplateValue?, shown: String? = nil
    ) throws -> TemplateValue {
        if name == "and" || name == "or" {
            var last: TemplateValue?
            for argument in rest {
                let next = try value(argument, dot)
                if next.isTrue == (name == "or") { return next }
                last = next
            }
            guard let result = piped ?? last else {
                throw failure("wrong number of args for \(name): want at least 1 got 0", at: operand)
            }
            return result
        }
        var arguments: [TemplateValue] = []
        for argument in rest { arguments.append(try value(argument, dot)) }
        if let piped { arguments.append(piped) }
        if isHeader, TemplateFunctions.passThroughInHeaders.contains(name) {
            return arguments.last ?? .string("")
        }
        do { return try TemplateFunctions.call(name, arguments) } catch {
            let isCount = error.message.hasPrefix("wrong number of args")
            if isCount { throw failure(error.message, at: operand) }
            throw failure("error calling \(name): \(error.message)", at: operand, shown: shown)
        }
    }

    private func location(_ position: Int) -> String {
        let before = template.source.prefix(position)
        let line = 1 + before.count { $0 == 10 }
        let column = before.lastIndex(of: 10).map { position - $0 - 1 } ?? position
        return ":\(line):\(column)"
    }

    private func failure(_ message: String, at operand: TemplateOperand, shown: String? = nil) -> TemplateError {
        TemplateError(
            "template: \(location(operand.position)): executing \"\" at <\(shown ?? operand.text)>: \(message)")
    }
}
