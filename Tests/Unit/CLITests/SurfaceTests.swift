// SPDX-License-Identifier: Apache-2.0
// Every command and flag of the stock client that we have taken on is in the catalogue, with its short form and aliases.
import FoundationEssentials
import Testing

@testable import CLI

@Suite struct SurfaceTests {
    /// `path, aliases, flag, short form`; a row without a flag is the command itself, one without a path a global flag.
    private static func rows() throws -> [[String]] {
        var folder = URL(filePath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        let text = String(
            decoding: try Data(contentsOf: folder.appending(path: "Fixtures/cli-surface.tsv")), as: UTF8.self)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func namesWhatTheStockClientNames() throws {
        let rows = try Self.rows()
        #expect(rows.count > 400)
        for row in rows {
            try #require(row.count == 4, "\(row)")
            let (path, aliases, name, short) = (row[0], row[1], row[2], row[3])
            let command = Catalog.command(path)
            #expect(path.isEmpty || command != nil, "no command \(path)")
            for alias in aliases.split(separator: ",").map(String.init) {
                #expect(Catalog.command(alias)?.paths == command?.paths, "\(alias) is not \(path)")
            }
            guard !name.isEmpty else { continue }
            let flag = (command?.flags() ?? Program.globalFlags).first { "--" + $0.name == name }
            #expect(flag != nil, "\(path) has no \(name)")
            #expect(flag?.short.map { "-\($0)" } ?? "" == short, "\(path) \(name)")
        }
    }
}
