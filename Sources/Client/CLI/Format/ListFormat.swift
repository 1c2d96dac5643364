// SPDX-License-Identifier: Apache-2.0
// Lists: a template per row, headings, and columns aligned as Go's tabwriter aligns them.
import DockerClient
import JSON

/// Prints rows in the format the user asked for.
struct ListFormat {
    /// What `table` alone means.
    let table: String
    /// What `-q` prints of a row.
    let quiet: String
    let headers: [String: String]
    /// What the old word `raw` means.
    var raw = ""

    /// The output for `rows`. `format` is `--format` or the configured one, empty for the standard table.
    func text(_ format: String, quiet isQuiet: Bool, rows: [TemplateRecord]) throws -> String {
        var source = format.isEmpty ? "table" : format
        if source == "json" { source = "{{json .}}" }
        if source == "table" || source == "raw" {
            source =
                isQuiet
                ? (source == "raw" ? "container_id: " + quiet : quiet) : source == "raw" ? raw : "table " + table
        } else if isQuiet, source.hasPrefix("table") {
            source = quiet
        }
        let isTable = source.hasPrefix("table")
        if isTable { source = String(source.dropFirst(5)) }
        source = Text.trimmed(source)
        source = Text.replacing(Text.replacing(source, "\\t", with: "\t"), "\\n", with: "\n")
        let template: Template
        do { template = try Template(source) } catch { throw CommandError("failed to parse template: \(error)") }
        var output = ""
        if isTable {
            let row = TemplateValue.json(.object(JSONObject(headers.map { ($0.key, .string($0.value)) })))
            output = try template.execute(row, isHeader: true) + "\n"
        }
        for row in rows {
            do { output += try template.execute(.record(row)) + "\n" } catch {
                throw CommandError("failed to execute template: \(error)")
            }
        }
        return isTable ? TabWriter.align(output, minimum: 10, padding: 3) : output
    }
}

/// Go's text/tabwriter, as far as lists need it: cells end with a tab, the last one of a line is free.
enum TabWriter {
    static func align(_ text: String, minimum: Int, padding: Int) -> String {
        var lines = Text.split(text, "\n").map { Text.split($0, "\t") }
        let hasFinalNewline = text.hasSuffix("\n")
        if hasFinalNewline { lines.removeLast() }
        var widths = lines.map { [Int](repeating: 0, count: $0.count) }
        let columns = lines.map(\.count).max() ?? 0
        for column in 0..<columns {
            var start = 0
            while start < lines.count {
                guard lines[start].count > column + 1 else {
                    start += 1
                    continue
                }
                var end = start
                var width = minimum
                while end < lines.count, lines[end].count > column + 1 {
                    let length = lines[end][column].unicodeScalars.count
                    width = max(width, length + padding)
                    end += 1
                }
                for line in start..<end { widths[line][column] = width }
                start = end
            }
        }
        var result = ""
        for (index, cells) in lines.enumerated() {
            for (column, cell) in cells.enumerated() {
                result += cell
                if column < cells.count - 1 {
                    result += String(repeating: " ", count: max(0, widths[index][column] - cell.unicodeScalars.count))
                }
            }
            if index < lines.count - 1 || hasFinalNewline { result += "\n" }
        }
        return result
    }
}

/// Shortening for columns.
enum Shortened {
    /// At most `width` characters, the last one `…` when something was cut.
    static func text(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
    }

    /// The first twelve digits of an ID.
    static func id(_ id: String) -> String {
        let bare = Text.cut(id, ":")?.after ?? id
        return String(bare.prefix(12))
    }
}
