// SPDX-License-Identifier: Apache-2.0
// The options part of a help page, wrapped exactly as pflag wraps it.

/// Lays out flags for help.
enum FlagHelp {
    /// One line or block per visible flag, in alphabetical order, at most `columns` wide.
    static func text(_ flags: [Flag], columns: Int) -> String {
        var rows: [(left: String, usage: String)] = []
        for flag in flags.sorted(by: { $0.name < $1.name }) where !flag.isHidden {
            var left = flag.short.map { "  -\($0), --\(flag.name)" } ?? "      --\(flag.name)"
            if !flag.kind.placeholder.isEmpty { left += " " + flag.kind.placeholder }
            var usage = flag.help
            if let value = flag.shownDefault { usage += " (default \(value))" }
            rows.append((left, usage))
        }
        let width = rows.map { $0.left.utf8.count + 1 }.max() ?? 0
        return rows.map { row in
            let spacing = String(repeating: " ", count: width - row.left.utf8.count)
            return "\(row.left) \(spacing) \(wrap(width + 2, columns, row.usage))\n"
        }.joined()
    }

    private static func wrap(_ indent: Int, _ columns: Int, _ text: String) -> String {
        var indent = indent
        var width = columns - indent
        var result = ""
        func margin() -> String { "\n" + String(repeating: " ", count: indent) }
        if width < 24 {
            indent = 16
            width = columns - indent
            result += margin()
        }
        if width < 24 { return lines(text, result) }
        let slop = 5
        width -= slop
        var rest = Array(text.utf8)[...]
        var (line, next) = cut(width, slop, rest)
        result += lines(line, margin())
        rest = next
        while !rest.isEmpty {
            (line, next) = cut(width, slop, rest)
            result += margin() + lines(line, margin())
            rest = next
        }
        return result
    }

    private static func lines(_ text: String, _ newline: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: newline)
    }

    /// The first line of at most `width` bytes (a little more when that saves a short last line), and the rest.
    private static func cut(_ width: Int, _ slop: Int, _ bytes: ArraySlice<UInt8>) -> (String, ArraySlice<UInt8>) {
        func string(_ part: ArraySlice<UInt8>) -> String { String(decoding: part, as: UTF8.self) }
        if width + slop > bytes.count { return (string(bytes), []) }
        let head = bytes.prefix(width)
        guard let space = head.lastIndex(where: { $0 == 32 || $0 == 9 || $0 == 10 }), space > bytes.startIndex else {
            return (string(bytes), [])
        }
        if let newline = head.lastIndex(of: 10), newline > bytes.startIndex, newline < space {
            return (string(bytes[..<newline]), bytes[(newline + 1)...])
        }
        return (string(bytes[..<space]), bytes[(space + 1)...])
    }
}
