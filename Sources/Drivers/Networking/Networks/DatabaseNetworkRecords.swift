// SPDX-License-Identifier: Apache-2.0
// Networking's documents in the daemon's database.
package import SQLite

/// Records in one table, `network_document`.
package struct DatabaseNetworkRecords: NetworkRecords {
    private let database: Database

    /// Makes the table if it is not there.
    package init(_ database: Database) throws {
        self.database = database
        try database.migrate(
            component: "networking",
            steps: [
                """
                CREATE TABLE network_document (
                    kind TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (kind, key)
                ) WITHOUT ROWID
                """
            ])
    }

    package func load(_ kind: NetworkRecordKind) throws -> [String: [UInt8]] {
        let rows = try database.read(
            "SELECT key, document FROM network_document WHERE kind = ?", .text(kind.rawValue)
        ) { ($0.text(0), $0.blob(1)) }
        return Dictionary(rows) { first, _ in first }
    }

    package func apply(_ changes: [NetworkRecordChange]) throws {
        if changes.isEmpty { return }
        try database.transaction { transaction in
            for change in changes {
                if let document = change.document {
                    try transaction.run(
                        "INSERT OR REPLACE INTO network_document (kind, key, document) VALUES (?, ?, ?)",
                        .text(change.kind.rawValue), .text(change.key), .blob(document))
                } else {
                    try transaction.run(
                        "DELETE FROM network_document WHERE kind = ? AND key = ?", .text(change.kind.rawValue),
                        .text(change.key))
                }
            }
        }
    }
}
