// SPDX-License-Identifier: Apache-2.0
// The containers in the database: a row each, its document as JSON.
import AsyncSystem
import FoundationEssentials
import Primitives
import SQLite

/// Saves and loads container records. A row that cannot be read is reported and kept.
final class ContainerTable: Sendable {
    private let database: Database

    init(_ database: Database) throws {
        self.database = database
        try database.migrate(
            component: "containers",
            steps: ["CREATE TABLE container (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document BLOB NOT NULL)"])
    }

    func save(_ record: ContainerRecord) async throws {
        let document = [UInt8](try JSONEncoder().encode(record))
        let (id, name) = (record.id, record.name)
        try await Blocking.run { [database] in
            try database.execute(
                "INSERT INTO container (id, name, document) VALUES (?, ?, ?) "
                    + "ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document",
                .text(id), .text(name), .blob(document))
        }
    }

    func delete(_ id: String) async throws {
        try await Blocking.run { [database] in try database.execute("DELETE FROM container WHERE id = ?", .text(id)) }
    }

    /// Every readable record, and the ids of those that are not.
    func load() async throws -> (records: [ContainerRecord], unreadable: [String]) {
        let rows = try await Blocking.run { [database] in
            try database.read("SELECT id, document FROM container") { ($0.text(0), $0.blob(1)) }
        }
        var records: [ContainerRecord] = []
        var unreadable: [String] = []
        for (id, document) in rows {
            do {
                let record = try JSONDecoder().decode(ContainerRecord.self, from: Data(document))
                guard record.version == 1, record.id == id else { throw EngineError.internalError("unknown version") }
                records.append(record)
            } catch {
                unreadable.append(id)
            }
        }
        return (records, unreadable)
    }
}
