// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a Go template.

/// A template that does not parse or cannot be executed; the text is Go's.
package struct TemplateError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }
    package init(_ message: String) { self.message = message }
}

/// A piece of a template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case action(TemplatePipeline)
    case branch(TemplateBranch)
    case template(name: String, argument: TemplatePipeline?, position: Int)
    case breakLoop, continueLoop
}

/// `if`, `with` and `range`, with their else part.
struct TemplateBranch: Sendable {
    enum Kind: Sendable { case test, with, range }
    let kind: Kind
    let pipeline: TemplatePipeline
    let body: [TemplateNode]
    let otherwise: [TemplateNode]
}

/// Commands joined by `|`, perhaps assigned to variables.
struct TemplatePipeline: Sendable {
    var variables: [String] = []
    /// `=` instead of `:=`.
    var isAssignment = false
    var commands: [TemplateCommand] = []
}

/// A function or method with its arguments, or a single operand.
struct TemplateCommand: Sendable {
    var operands: [TemplateOperand]

    var text: String { operands.map(\.text).joined(separator: " ") }
}

/// An argument: literal, field chain, variable, function name or parenthesised pipeline.
struct TemplateOperand: Sendable {
    indirect enum Kind: Sendable {
        case dot
        case nothing
        case constant(TemplateValue, source: String)
        case field([String])
        case variable(String, [String])
        case function(String)
        case nested(TemplatePipeline, [String])
        case functionChain(String, [String])
    }
    let kind: Kind
    let position: Int

    var text: String {
        switch kind {
        case .dot: "."
        case .nothing: "nil"
        case .constant(_, let source): source
        case .field(let names): names.map { "." + $0 }.joined()
        case .variable(let name, let names): ([name] + names).joined(separator: ".")
        case .function(let name): name
        case .functionChain(let name, let names): ([name] + names).joined(separator: ".")
        case .nested(let pipeline, let names):
            "(" + pipeline.commands.map(\.text).joined(separator: " | ") + ")" + names.map { "." + $0 }.joined()
        }
    }
}
