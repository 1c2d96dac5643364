// SPDX-License-Identifier: Apache-2.0
// Lists and inspections of images.
import AsyncSystem
package import DockerAPI
import JSON
import OCI
import Primitives
import Storage

extension ImageService {
    package func list(_ options: ImageListOptions) async throws -> [ImageSummary] {
        try options.filters.validate([
            "dangling", "label", "label!", "before", "since", "reference", "until",
        ])
        let filter = try await ImageFilter(options.filters, service: self)
        let images = try await Blocking.run { [store] in try store.list() }
        let shared = options.sharedSize ? await sharedSizes(images) : [:]
        return images.filter { filter.accepts($0) }.map { image in
            var row = ImageSummary()
            row.id = image.id.description
            row.created = Self.created(image).seconds
            row.labels = Self.labels(image)
            row.repoTags = image.tags.map(\.familiar)
            row.repoDigests = image.digests.map(\.familiar)
            row.containers = -1
            row.sharedSize = shared[image.id] ?? -1
            row.size = image.size
            return row
        }
    }

    package func inspect(_ name: String) async throws -> ImageInspect {
        let image = try await find(name)
        let configuration = image.configuration
        var view = ImageInspect()
        view.id = image.id.description
        view.repoTags = image.tags.map(\.familiar)
        view.repoDigests = image.digests.map(\.familiar)
        view.comment = configuration.comment.isEmpty ? configuration.history.last?.comment ?? "" : configuration.comment
        view.created = configuration.created.isEmpty ? nil : configuration.created
        view.dockerVersion = configuration.dockerVersion
        view.author = configuration.author
        view.config = try Self.view(configuration.config.isEmpty ? nil : ImageDefaults.read(configuration))
        view.architecture = configuration.platform.architecture
        view.variant = configuration.platform.variant.isEmpty ? nil : configuration.platform.variant
        view.os = configuration.platform.os
        view.size = image.size
        view.graphDriver.name = "overlay2"
        view.rootFS.type = "layers"
        view.rootFS.layers = configuration.diffIDs.isEmpty ? nil : configuration.diffIDs.map(\.description)
        view.metadata.lastTagTime = image.addedAt.rfc3339Nano
        return view
    }

    package func history(_ name: String) async throws -> [ImageHistoryItem] {
        let image = try await find(name)
        let chains = LayerStore.chains(image.configuration.diffIDs)
        var sizes = try await Blocking.run { [layers = store.layers] in chains.map { layers.size($0) ?? 0 } }[...]
        var items: [ImageHistoryItem] = []
        for step in image.configuration.history {
            var item = ImageHistoryItem()
            item.id = "<missing>"
            item.created = Timestamp(rfc3339: step.created)?.seconds ?? Timestamp.zero.seconds
            item.createdBy = step.createdBy
            item.comment = step.comment
            item.size = step.isEmptyLayer ? 0 : sizes.popFirst() ?? 0
            items.append(item)
        }
        if items.isEmpty, !chains.isEmpty {
            var item = ImageHistoryItem()
            item.created = Self.created(image).seconds
            item.size = image.size
            items.append(item)
        }
        items.reverse()
        if !items.isEmpty {
            items[0].id = image.id.description
            items[0].tags = image.tags.isEmpty ? nil : image.tags.map(\.familiar)
        }
        return items
    }

    /// Bytes of all layers, each counted once.
    func layersSize() async throws -> Int64 {
        try await Blocking.run { [store] in
            let chains = Set(try store.list().flatMap { LayerStore.chains($0.configuration.diffIDs) })
            return chains.reduce(Int64(0)) { $0 + (store.layers.size($1) ?? 0) }
        }
    }

    private func sharedSizes(_ images: [StoredImage]) async -> [Digest: Int64] {
        var users: [Digest: Int] = [:]
        for image in images {
            for chain in Set(LayerStore.chains(image.configuration.diffIDs)) { users[chain, default: 0] += 1 }
        }
        var result: [Digest: Int64] = [:]
        for image in images {
            result[image.id] = LayerStore.chains(image.configuration.diffIDs).reduce(Int64(0)) { sum, chain in
                (users[chain] ?? 0) > 1 ? sum + (store.layers.size(chain) ?? 0) : sum
            }
        }
        return result
    }

    static func created(_ image: StoredImage) -> Timestamp {
        Timestamp(rfc3339: image.configuration.created) ?? .zero
    }

    static func labels(_ image: StoredImage) -> [String: String]? {
        guard let labels = image.configuration.config["Labels"]?.object else { return nil }
        return labels.fields.reduce(into: [:]) { $0[$1.key] = $1.value.string }
    }

    private static func view(_ config: ContainerConfig?) throws -> ImageConfigView? {
        guard let config else { return nil }
        return try WireJSON.decode(ImageConfigView.self, from: WireJSON.encode(config))
    }
}
