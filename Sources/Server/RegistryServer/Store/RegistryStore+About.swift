// SPDX-License-Identifier: Apache-2.0
// What a repository is about: words of its images, and of whoever runs the registry.
import JSON
import OCI
import Primitives

/// What search results and pages say of a repository.
struct RepositoryAbout: Sendable, Equatable {
    var description = ""
    var stars = 0
    var isOfficial = false
}

extension RegistryStore {
    /// `about.json` in the root, kept by hand: `{"library/nginx": {"description": "…", "stars": 3, "official": true}}`.
    /// Where it says nothing, the description is the newest image's own. A broken file says nothing.
    func about(_ repository: RepositoryName) throws -> RepositoryAbout {
        var about = RepositoryAbout()
        let entry = try folder.read("about.json", limit: 4 << 20)
            .flatMap { try? JSONValue.parse($0, maximumDepth: 8) }?[repository.text]
        about.stars = Int(clamping: entry?["stars"]?.int ?? 0)
        about.isOfficial = entry?["official"]?.bool ?? false
        about.description = try entry?["description"]?.string ?? ownDescription(repository)
        return about
    }

    private func ownDescription(_ repository: RepositoryName) throws -> String {
        let tags = try tags(repository)
        guard let tag = tags.contains("latest") ? "latest" : tags.last, let digest = try digest(repository, tag: tag)
        else {
            return ""
        }
        return try words(repository, digest, depth: 0) ?? ""
    }

    /// The annotation of a manifest, else the label of its configuration; an index is asked before its images.
    private func words(_ repository: RepositoryName, _ digest: Digest, depth: Int) throws -> String? {
        let key = "org.opencontainers.image.description"
        guard let bytes = try folder.read(repository.manifest(digest), limit: ManifestDocument.sizeLimit),
            let document = try? ManifestDocument(parsing: bytes, contentType: nil)
        else { return nil }
        if let text = document.annotations[key] { return text }
        if let config = document.config, config.size <= 1 << 20 {
            let bytes = try folder.read(repository.blob(config.digest), limit: 1 << 20)
            let json = bytes.flatMap { try? JSONValue.parse($0, maximumDepth: 64) }
            return json?["config"]?["Labels"]?[key]?.string
        }
        guard depth < 2, let child = document.children.first else { return nil }
        return try words(repository, child.digest, depth: depth + 1)
    }
}
