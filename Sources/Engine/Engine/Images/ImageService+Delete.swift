// SPDX-License-Identifier: Apache-2.0
// Taking names from images and removing images nobody needs.
import AsyncSystem
package import DockerAPI
import OCI
import Primitives
import Storage

extension ImageService {
    package func tag(_ name: String, repository: String, tag: String) async throws {
        let image = try await find(name)
        let reference = try ImageReference(parsing: tag.isEmpty ? repository : "\(repository):\(tag)")
        guard reference.digest == nil else {
            throw EngineError.invalidArgument("refusing to create a tag with a digest reference")
        }
        let tagged = reference.tagged
        try await Blocking.run { [store] in try store.tag(image.id, as: tagged) }
        announce("tag", id: image.id.description, name: tagged.familiar, labels: Self.labels(image) ?? [:])
    }

    /// By name: the name goes, and the image with its last one. By id: all of it, unless several repositories name it.
    package func delete(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem] {
        let image = try await find(name)
        let short = image.id.short
        let users = containers(of: image.id.description)
        let running = users.first { $0.state.isAlive || $0.state.isRestarting }
        let named = Self.isID(name, of: image) ? nil : try ImageReference(parsing: name).tagged
        guard let named else {
            let repositories = Set((image.tags + image.digests).map(\.repository))
            if let running { throw ImageErrors.runningUser(short, container: running.id) }
            if repositories.count > 1 || image.tags.count > 1, !force { throw ImageErrors.severalNames(short) }
            if let stopped = users.first, !force { throw ImageErrors.stoppedUser(short, container: stopped.id) }
            return try await deleteImage(image)
        }
        let remaining = (image.tags + image.digests).filter { $0 != named }
        // The digest under which a tag came goes with the repository's last tag.
        let onlyOwnDigests = remaining.allSatisfy { $0.digest != nil && $0.repository == named.repository }
        guard onlyOwnDigests else {
            let isLastTag = !remaining.contains { $0.digest == nil && $0.repository == named.repository }
            let digests = isLastTag ? remaining.filter { $0.repository == named.repository } : []
            for name in [named] + digests { try await untag(name, of: image) }
            return ([named] + digests).map(Self.untagged)
        }
        if let running {
            guard force else { throw ImageErrors.inUse(named.familiar, container: running.id, image: short) }
            throw ImageErrors.runningUser(short, container: running.id)
        }
        if let stopped = users.first {
            guard force else { throw ImageErrors.inUse(named.familiar, container: stopped.id, image: short) }
        }
        return try await deleteImage(image)
    }

    package func prune(_ filters: Filters) async throws -> ImagePruneResponse {
        try filters.validate(["dangling", "label", "label!", "until"])
        let onlyDangling = try filters.bool("dangling") ?? true
        let filter = try await ImageFilter(
            Filters(filters.values.filter { $0.key != "dangling" }), service: self)
        var answer = ImagePruneResponse()
        for image in try await Blocking.run({ [store] in try store.list() }) {
            if onlyDangling, !image.tags.isEmpty { continue }
            guard containers(of: image.id.description).isEmpty, filter.accepts(image) else { continue }
            let (items, freed) = try await deleteCounting(image)
            answer.imagesDeleted = (answer.imagesDeleted ?? []) + items
            answer.spaceReclaimed += freed
        }
        events.publish("image", "prune", id: "", attributes: ["reclaimed": String(answer.spaceReclaimed)])
        return answer
    }

    private func deleteImage(_ image: StoredImage) async throws -> [ImageDeleteItem] {
        try await deleteCounting(image).items
    }

    private func deleteCounting(_ image: StoredImage) async throws -> (items: [ImageDeleteItem], freed: Int64) {
        let id = image.id.description
        let labels = Self.labels(image) ?? [:]
        var items: [ImageDeleteItem] = []
        for name in image.tags + image.digests {
            items.append(Self.untagged(name))
            announce("untag", id: id, name: id, labels: labels)
        }
        let gone = try await Blocking.run { [store] in try store.delete(image.id) }
        for deleted in [id] + gone.layers.map(\.description) {
            var item = ImageDeleteItem()
            item.deleted = deleted
            items.append(item)
        }
        announce("delete", id: id, name: id, labels: labels)
        return (items, gone.freed)
    }

    private func untag(_ name: ImageReference, of image: StoredImage) async throws {
        try await Blocking.run { [store] in _ = try store.untag(name) }
        announce("untag", id: image.id.description, name: image.id.description, labels: Self.labels(image) ?? [:])
    }

    private static func untagged(_ name: ImageReference) -> ImageDeleteItem {
        var item = ImageDeleteItem()
        item.untagged = name.familiar
        return item
    }

    private static func isID(_ name: String, of image: StoredImage) -> Bool {
        let bare = name.hasPrefix("sha256:") ? String(name.dropFirst(7)) : name
        guard image.id.hex.hasPrefix(bare) else { return false }
        // A name that is also the beginning of the id means the name, as resolving does.
        guard name.hasPrefix("sha256:") || bare.count == 64 else {
            let reference = try? ImageReference(parsing: name).tagged
            return !(image.tags + image.digests).contains { $0 == reference }
        }
        return true
    }
}
