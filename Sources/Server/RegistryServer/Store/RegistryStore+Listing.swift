// SPDX-License-Identifier: Apache-2.0
// What is there: repositories, their tags, their manifests and blobs.
import Linux
import Primitives

extension RegistryStore {
    /// All repositories that hold something, in the order of their bytes.
    func repositories() throws -> [RepositoryName] {
        var found: [RepositoryName] = []
        try walk("repositories", "", &found) { path in try holdsSomething(path) }
        return found.sorted()
    }

    /// All that have a folder, for garbage collection.
    func repositoryFolders() throws -> [RepositoryName] {
        var found: [RepositoryName] = []
        try walk("repositories", "", &found) { _ in true }
        return found.sorted()
    }

    private func walk(
        _ path: String, _ name: String, _ found: inout [RepositoryName], _ isWanted: (String) throws -> Bool
    ) throws {
        for part in try folder.list(path) where !part.hasPrefix("_") {
            let below = name.isEmpty ? part : name + "/" + part
            guard let repository = RepositoryName(below) else { continue }
            if try isWanted(repository.folder) { found.append(repository) }
            try walk(repository.folder, below, &found, isWanted)
        }
    }

    private func holdsSomething(_ path: String) throws -> Bool {
        for algorithm in Self.algorithms where try !folder.list("\(path)/_manifests/\(algorithm)").isEmpty {
            return true
        }
        return false
    }

    static let algorithms = ["sha256", "sha512"]

    /// Whether anybody ever pushed to a repository and something of it is left.
    func exists(_ repository: RepositoryName) throws -> Bool {
        for part in ["_manifests", "_tags", "_blobs"] where try folder.find("\(repository.folder)/\(part)") != nil {
            return true
        }
        return false
    }

    /// Tags in the order of their bytes.
    func tags(_ repository: RepositoryName) throws -> [String] {
        try folder.list(repository.tags).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func manifests(_ repository: RepositoryName) throws -> [Digest] {
        try digests("\(repository.folder)/_manifests")
    }

    func blobs(_ repository: RepositoryName) throws -> [Digest] { try digests("\(repository.folder)/_blobs") }

    private func digests(_ path: String) throws -> [Digest] {
        try Self.algorithms.flatMap { algorithm in
            // A name that is no digest was not made by this program, and is left alone.
            try folder.list("\(path)/\(algorithm)").compactMap { try? Digest(parsing: "\(algorithm):\($0)") }
        }
    }

    /// The digests of all content, shard by shard.
    func forEachContent(_ body: (Digest, String) throws -> Void) throws {
        for algorithm in Self.algorithms {
            for shard in try folder.list("blobs/\(algorithm)") {
                for hex in try folder.list("blobs/\(algorithm)/\(shard)") {
                    guard let digest = try? Digest(parsing: "\(algorithm):\(hex)"), hex.hasPrefix(shard) else {
                        continue
                    }
                    try body(digest, "blobs/\(algorithm)/\(shard)/\(hex)")
                }
            }
        }
    }
}
