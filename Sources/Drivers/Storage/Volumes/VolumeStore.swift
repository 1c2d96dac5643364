// SPDX-License-Identifier: Apache-2.0
// Named volumes of the `local` driver: `volumes/<name>/_data` and a row each.
import CLinux
import Glibc
import JSON
import Linux
package import Primitives
package import SQLite

/// A volume as it is stored.
package struct StoredVolume: Sendable, Equatable {
    package let name: String
    package let labels: [String: String]
    /// Made for a container that asked for a folder without naming it; goes when the container is removed with `-v`.
    package let isAnonymous: Bool
    package let created: Timestamp
    package let mountpoint: String
}

/// Volumes on the data root's own disk.
package final class VolumeStore: Sendable {
    private let folder: String
    private let database: Database

    package init(folder: String, database: Database) throws {
        self.folder = folder
        self.database = database
        try Folder.make(folder, mode: 0o711)
        defer { finishRemovals() }
        try database.migrate(
            component: "volumes",
            steps: [
                "CREATE TABLE volume (name TEXT PRIMARY KEY, labels TEXT NOT NULL, anonymous INTEGER NOT NULL, created INTEGER NOT NULL)"
            ])
    }

    package func get(_ name: String) throws -> StoredVolume? {
        try database.read(
            "SELECT name, labels, anonymous, created FROM volume WHERE name = ?", .text(name), each: volume
        ).first
    }

    package func list() throws -> [StoredVolume] {
        try database.read("SELECT name, labels, anonymous, created FROM volume ORDER BY name", each: volume)
    }

    /// Creates a volume, or finds the one with that name; `isNew` tells which.
    package func create(_ name: String, labels: [String: String], isAnonymous: Bool) throws -> (
        volume: StoredVolume, isNew: Bool
    ) {
        if let known = try get(name) { return (known, false) }
        guard Identifier.isValidName(name) else {
            throw EngineError.invalidArgument(
                "create \(name): \"\(name)\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
            )
        }
        try Folder.make("\(folder)/\(name)", mode: 0o701)
        try Folder.make("\(folder)/\(name)/_data", mode: 0o755)
        let json = JSONValue.object(JSONObject(labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        let created = Timestamp.now()
        try database.execute(
            "INSERT OR IGNORE INTO volume (name, labels, anonymous, created) VALUES (?, ?, ?, ?)", .text(name),
            .text(json.text()),
            .integer(isAnonymous ? 1 : 0), .integer(created.unixNanoseconds))
        guard let made = try get(name) else { throw EngineError.internalError("volume \(name) was not stored") }
        return (made, true)
    }

    package func remove(_ name: String) throws {
        guard try get(name) != nil else { throw Self.missing(name) }
        // Away first, and back again should the daemon be killed before the row is gone: a new volume of the name never
        // shows old content, and an old one is never empty.
        let place = "\(folder)/\(Self.removedPrefix)\(name)"
        Folder.removeTree(place)
        guard rename("\(folder)/\(name)", place) == 0 || errno == ENOENT else {
            throw Errno(call: "rename \(folder)/\(name)", code: errno)
        }
        do {
            try database.execute("DELETE FROM volume WHERE name = ?", .text(name))
        } catch {
            _ = rename(place, "\(folder)/\(name)")
            throw error
        }
        Folder.removeTree(place)
    }

    /// No volume's name begins with a dot.
    private static let removedPrefix = ".removed-"

    private func finishRemovals() {
        for entry in Folder.entries(folder) where entry.hasPrefix(Self.removedPrefix) {
            let name = String(entry.dropFirst(Self.removedPrefix.count))
            // A database that cannot be read keeps everything.
            guard let isThere = try? get(name) != nil else { continue }
            if isThere, rename("\(folder)/\(entry)", "\(folder)/\(name)") == 0 { continue }
            Folder.removeTree("\(folder)/\(entry)")
        }
    }

    /// Bytes in a volume.
    package func usage(_ name: String) -> Int64 { Folder.usage("\(folder)/\(name)/_data") }

    package static func missing(_ name: String) -> EngineError { .notFound("get \(name): no such volume") }

    private func volume(_ row: SQLiteRow) throws -> StoredVolume {
        let labels = try JSONValue.parse(row.text(1)).object?.fields.reduce(into: [String: String]()) {
            $0[$1.key] = $1.value.string
        }
        return StoredVolume(
            name: row.text(0), labels: labels ?? [:], isAnonymous: row.integer(2) != 0,
            created: Timestamp(unixNanoseconds: row.integer(3)), mountpoint: "\(folder)/\(row.text(0))/_data")
    }
}
