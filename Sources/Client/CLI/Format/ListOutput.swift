// SPDX-License-Identifier: Apache-2.0
// Lists as tables, JSON lines or through the user's template: the stock client's layout.
import DockerClient
import JSON

/// Prints the rows of a list.
struct ListOutput {
    /// The table shown without `--format`: `{{.ID}}\t{{.Names}}`.
    let table: String
    /// Titles of the columns by name; others are not part of the list.
    let headers: [(name: String, title: String)]
    /// What `--quiet` leaves of a row.
    var quiet = "{{.ID}}"

    /// Whether `format` (or its absence) asks for the standard table.
    static func isTable(_ format: String) -> Bool { format == "table" || format.hasPrefix("table ") || format.isEmpty }

    /// `format`: what the user gave, or empty. `isQuiet`: only the identifiers, unless another template was given.
    func print(
        _ rows: [TemplateRecord], format given: String, isQuiet: Bool = false, quietWins: Bool = false, console: Console
    ) throws {
        var format = Text.trimmed(given)
        var asTable = false
        if isQuiet, quietWins || format.isEmpty || format == "table" {
            format = quiet
        } else if format.isEmpty || format == "table" {
            asTable = true
            format = table
        } else if format == "json" {
            format = "{{json .}}"
        } else if format.hasPrefix("table") {
            asTable = true
            format = String(format.dropFirst(5).drop { $0 == " " })
        }
        format = Text.replacing(Text.replacing(format, "\\t", with: "\t"), "\\n", with: "\n")
        let template: Template
        do { template = try Template(format) } catch { throw CommandError("template parsing error: \(error)") }
        var lines: [String] = []
        do {
            for row in rows {
                let line = try template.execute(.record(row))
                if asTable { lines.append(line) } else { console.line(line) }
            }
            guard asTable else { return }
            lines.insert(try template.execute(.record(headerRecord), isHeader: true), at: 0)
        } catch { throw CommandError("template parsing error: \(error)") }
        console.out(TabColumns.text(lines))
    }

    private var headerRecord: TemplateRecord {
        TemplateRecord(
            typeName: "formatter.SubHeaderContext",
            columns: headers.map { header in (header.name, { .string(header.title) }) },
            methods: [
                (
                    "Label",
                    { arguments in
                        let last = Text.split(arguments.first?.text ?? "", ".").last ?? ""
                        return .string(Text.replacing(Text.replacing(last, "-", with: " "), "_", with: " "))
                    }
                )
            ])
    }
}

/// Go's tabwriter as Docker sets it up: columns at least ten wide, three spaces between them.
enum TabColumns {
    static func text(_ lines: [String], minimum: Int = 10, padding: Int = 3) -> String {
        let rows = lines.flatMap { Text.split($0, "\n") }.map { Text.split($0, "\t") }
        var result = ""
        var widths = rows.map { [Int](repeating: 0, count: $0.count) }
        // A column reaches over neighbouring rows that have a further cell behind it.
        for column in 0..<(rows.map(\.count).max() ?? 0) {
            var start = 0
            while start < rows.count {
                guard rows[start].count > column + 1 else {
                    start += 1
                    continue
                }
                var end = start
                var width = minimum
                while end < rows.count, rows[end].count > column + 1 {
                    width = max(width, rows[end][column].unicodeScalars.count + padding)
                    end += 1
                }
                for row in start..<end { widths[row][column] = width }
                start = end
            }
        }
        for (row, cells) in rows.enumerated() {
            for (column, cell) in cells.enumerated() {
                result += cell
                if column + 1 < cells.count {
                    result += String(repeating: " ", count: max(0, widths[row][column] - cell.unicodeScalars.count))
                }
            }
            result += "\n"
        }
        return result
    }
}
