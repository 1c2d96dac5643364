// SPDX-License-Identifier: Apache-2.0
// Images that come and go as archives: load, save, import.
import AsyncSystem
import DockerAPI
import JSON
import OCI
import Primitives
import Storage

extension ImageService {
    package func load(
        from body: @escaping ByteSource, quiet: Bool, platform: String, progress: @escaping ProgressSink
    ) async throws {
        if !platform.isEmpty { throw EngineError.notImplemented("platform of load is not supported yet") }
        for (image, names) in try await store.load(body) {
            let labels = Self.labels(image) ?? [:]
            for name in names {
                announce("load", id: image.id.description, name: name.familiar, labels: labels)
                try await progress(Self.stream("Loaded image: \(name.familiar)\n"))
            }
            if names.isEmpty {
                announce("load", id: image.id.description, name: image.id.description, labels: labels)
                try await progress(Self.stream("Loaded image ID: \(image.id)\n"))
            }
        }
    }

    /// Looks the names up first (a missing one throws before a byte is written), then writes the archive.
    package func save(_ names: [String], platform: String, to sink: @escaping ByteSink) async throws {
        if !platform.isEmpty { throw EngineError.notImplemented("platform of save is not supported yet") }
        guard !names.isEmpty else { throw EngineError.invalidArgument("no image given to save") }
        var images: [(image: StoredImage, names: [ImageReference])] = []
        for name in names {
            let image = try await find(name)
            let reference = Self.nameGiven(name, of: image)
            if let index = images.firstIndex(where: { $0.image.id == image.id }) {
                if let reference, !images[index].names.contains(reference) { images[index].names.append(reference) }
            } else {
                images.append((image, reference.map { [$0] } ?? []))
            }
        }
        try await store.save(images, to: sink)
        for (image, _) in images { announce("save", id: image.id.description, name: image.id.description) }
    }

    package func importImage(
        _ options: ImageImportOptions, from body: @escaping ByteSource, progress: @escaping ProgressSink
    ) async throws {
        guard options.source == "-" else {
            throw EngineError.notImplemented("importing from a URL (fromSrc=\(options.source)) is not supported yet")
        }
        var name: ImageReference?
        if !options.repository.isEmpty {
            let text = options.tag.isEmpty ? options.repository : "\(options.repository):\(options.tag)"
            name = try ImageReference(parsing: text).tagged
        }
        let platform = options.platform.isEmpty ? ImagePlatform.host : try ImagePlatform(parsing: options.platform)
        let config = try ImageChanges.apply(options.changes)
        let message = options.message.isEmpty ? "Imported from -" : options.message
        let image = try await store.importImage(body, name: name, platform: platform, config: config, message: message)
        announce("import", id: image.id.description, name: name?.familiar ?? image.id.description)
        var line = ProgressMessage()
        line.status = image.id.description
        try await progress(line)
    }

    static func stream(_ text: String) -> ProgressMessage {
        var line = ProgressMessage()
        line.stream = text
        return line
    }

    /// The name, if the user gave one and not an id.
    private static func nameGiven(_ text: String, of image: StoredImage) -> ImageReference? {
        // What does not parse as a reference is an id.
        guard let reference = try? ImageReference(parsing: text).tagged else { return nil }
        return image.tags.contains(reference) ? reference : nil
    }
}
