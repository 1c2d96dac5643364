// SPDX-License-Identifier: Apache-2.0
// The documents of the network stack in the database.
import Networking
import SQLite

/// Networks and endpoints as rows of one table.
final class NetworkTable: NetworkRecords {
    private let database: Database

    init(_ database: Database) throws {
        self.database = database
        try database.migrate(
            component: "networking",
            steps: [
                "CREATE TABLE network_record (kind TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (kind, key))"
            ])
    }

    func load(_ kind: NetworkRecordKind) throws -> [String: [UInt8]] {
        let rows = try database.read("SELECT key, document FROM network_record WHERE kind = ?", .text(kind.rawValue)) {
            ($0.text(0), $0.blob(1))
        }
        return Dictionary(rows) { $1 }
    }

    func apply(_ changes: [NetworkRecordChange]) throws {
        try database.transaction { transaction in
            for change in changes {
                if let document = change.document {
                    try transaction.run(
                        "INSERT INTO network_record (kind, key, document) VALUES (?, ?, ?) "
                            + "ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document",
                        .text(change.kind.rawValue), .text(change.key), .blob(document))
                } else {
                    try transaction.run(
                        "DELETE FROM network_record WHERE kind = ? AND key = ?", .text(change.kind.rawValue),
                        .text(change.key))
                }
            }
        }
    }
}
