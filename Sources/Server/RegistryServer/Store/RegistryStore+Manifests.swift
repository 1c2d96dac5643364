// SPDX-License-Identifier: Apache-2.0
// Manifests, tags and referrers of a repository.
import Glibc
import JSON
import Linux
import OCI
import Primitives

extension RegistryStore {
    /// The digest a tag names; nil when there is no such tag.
    func digest(_ repository: RepositoryName, tag: String) throws -> Digest? {
        guard let bytes = try folder.read(repository.tag(tag), limit: 256) else { return nil }
        return try Digest(parsing: String(decoding: bytes, as: UTF8.self))
    }

    func digest(_ repository: RepositoryName, _ reference: ManifestReference) throws -> Digest? {
        switch reference {
        case .tag(let tag): try digest(repository, tag: tag)
        case .digest(let digest): digest
        }
    }

    func manifest(_ repository: RepositoryName, _ digest: Digest) throws -> [UInt8]? {
        guard let file = try openLink(repository.manifest(digest)) else { return nil }
        guard file.size <= ManifestDocument.sizeLimit else {
            throw Refusal.manifestInvalid("stored manifest too large")
        }
        return try file.read(at: 0, count: Int(file.size))
    }

    /// Stores a checked manifest. `isPartial` is for copies of other registries, whose content comes when it is asked for.
    func addManifest(
        _ repository: RepositoryName, _ digest: Digest, _ document: ManifestDocument, bytes: [UInt8], tags: [String],
        isPartial: Bool = false
    ) throws {
        let file = try folder.stage(bytes)
        do {
            try folder.adding {
                if !isPartial { try useContent(repository, document) }
                if let subject = document.subject {
                    let path = repository.referrer(digest, of: subject)
                    try folder.makeFolders(StoreFolder.parent(path))
                    try folder.write(path, Self.referrer(digest, document, size: bytes.count).serialize())
                }
                try place(file, as: digest, link: repository.manifest(digest))
                for tag in tags {
                    try folder.makeFolders(repository.tags)
                    try folder.write(repository.tag(tag), Array(digest.description.utf8))
                }
            }
        } catch {
            // The error that is reported is the first one.
            _ = try? folder.remove(file)
            throw error
        }
    }

    /// Everything a manifest needs is here and counts as used now, so that no collection takes it before the manifest stands.
    private func useContent(_ repository: RepositoryName, _ document: ManifestDocument) throws {
        for descriptor in document.blobs + document.children {
            let isChild = document.config == nil
            var path = isChild ? repository.manifest(descriptor.digest) : repository.blob(descriptor.digest)
            if isChild, try folder.find(path) == nil { path = repository.blob(descriptor.digest) }
            guard let entry = try folder.find(path) else {
                throw Refusal(404, .manifestBlobUnknown, "manifest references unknown content \(descriptor.digest)")
            }
            guard entry.size == descriptor.size else {
                throw Refusal(
                    400, .sizeInvalid,
                    "\(descriptor.digest) has \(entry.size) bytes and not \(descriptor.size), as the manifest says")
            }
            try folder.touch(path)
        }
    }

    private static func referrer(_ digest: Digest, _ document: ManifestDocument, size: Int) -> JSONValue {
        var object: JSONObject = [
            "mediaType": .string(document.mediaType), "digest": .string(digest.description), "size": .int(Int64(size)),
        ]
        if !document.artifactType.isEmpty { object["artifactType"] = .string(document.artifactType) }
        if !document.annotations.isEmpty {
            object["annotations"] = .object(
                JSONObject(document.annotations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        }
        return .object(object)
    }

    /// The descriptors of what refers to a manifest, from behind `last` on, in the order of their names.
    func referrers(
        _ repository: RepositoryName, of subject: Digest, artifactType: String?, after last: String?, limit: Int
    ) throws -> (descriptors: [JSONValue], next: String?) {
        let path = repository.referrers(subject)
        var found: [JSONValue] = []
        for name in try folder.list(path).sorted() where last.map({ name > $0 }) ?? true {
            // An entry whose manifest is gone, or not there yet, refers to nothing.
            guard let digest = try? Digest(parsing: name.replacing("-", with: ":", maxReplacements: 1)),
                try folder.find(repository.manifest(digest)) != nil,
                let bytes = try folder.read("\(path)/\(name)", limit: ManifestDocument.sizeLimit),
                let json = try? JSONValue.parse(bytes)
            else { continue }
            if let artifactType, json["artifactType"]?.string != artifactType { continue }
            found.append(json)
            if found.count == limit { return (found, name) }
        }
        return (found, nil)
    }

    /// Removes a manifest with its tags. False when there is none.
    func removeManifest(_ repository: RepositoryName, _ digest: Digest) throws -> Bool {
        let bytes = try manifest(repository, digest)
        return try folder.removing {
            for tag in try folder.list(repository.tags) where try self.digest(repository, tag: tag) == digest {
                try folder.remove(repository.tag(tag))
            }
            guard try folder.remove(repository.manifest(digest)) else { return false }
            // A damaged manifest may be removed too; what it referred to is cleaned up by garbage collection.
            let document = bytes.flatMap { try? ManifestDocument(parsing: $0, contentType: nil) }
            if let subject = document?.subject { try folder.remove(repository.referrer(digest, of: subject)) }
            return true
        }
    }

    func removeTag(_ repository: RepositoryName, _ tag: String) throws -> Bool {
        try folder.removing { try folder.remove(repository.tag(tag)) }
    }
}
