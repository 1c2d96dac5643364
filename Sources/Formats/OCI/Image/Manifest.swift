// SPDX-License-Identifier: Apache-2.0
// Descriptors, manifests and indexes (image-spec, descriptor.md, manifest.md, image-index.md).
package import JSON
package import Primitives

/// What a document says about another: its type, digest and size in bytes.
package struct Descriptor: Sendable, Equatable {
    package var mediaType: String
    package var digest: Digest
    package var size: Int64
    package var platform: ImagePlatform?
    package var annotations: [String: String]

    package init(
        mediaType: String, digest: Digest, size: Int64, platform: ImagePlatform? = nil,
        annotations: [String: String] = [:]
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.annotations = annotations
    }

    package init(_ json: JSONValue) throws(EngineError) {
        guard let digest = json["digest"]?.string, let size = json["size"]?.int, size >= 0 else {
            throw .invalidArgument("a descriptor needs a digest and a size")
        }
        self.digest = try Digest(parsing: digest)
        self.size = size
        mediaType = json["mediaType"]?.string ?? ""
        platform = json["platform"].flatMap(ImagePlatform.init)
        annotations = json["annotations"]?.object?.fields.reduce(into: [:]) { $0[$1.key] = $1.value.string } ?? [:]
    }

    package var json: JSONValue {
        var object: JSONObject = [
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .int(size),
        ]
        if !annotations.isEmpty {
            object["annotations"] = .object(
                JSONObject(annotations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        }
        if let platform { object["platform"] = platform.json }
        return .object(object)
    }
}

/// One image: its configuration and its layers, lowest first.
package struct Manifest: Sendable, Equatable {
    package var mediaType: String
    package var config: Descriptor
    package var layers: [Descriptor]
    package var annotations: [String: String]

    package init(
        mediaType: String = MediaType.ociManifest, config: Descriptor, layers: [Descriptor],
        annotations: [String: String] = [:]
    ) {
        self.mediaType = mediaType
        self.config = config
        self.layers = layers
        self.annotations = annotations
    }

    /// Parses a manifest; schema 1 and indexes are refused.
    package init(parsing bytes: [UInt8]) throws(EngineError) {
        let json = try parseDocument(bytes, "manifest")
        guard json["schemaVersion"]?.int == 2 else {
            throw .invalidArgument(
                "manifest schema 1 is not supported: the image must be pushed again by a newer client")
        }
        // A document that is both would be one image to one reader and another to the next (CVE-2021-41190).
        guard json["manifests"] == nil else { throw .invalidArgument("invalid manifest: it is an index too") }
        guard let config = json["config"], let layers = json["layers"]?.array else {
            throw .invalidArgument("invalid manifest: config or layers missing")
        }
        mediaType = json["mediaType"]?.string ?? MediaType.ociManifest
        self.config = try Descriptor(config)
        guard layers.count <= 4096 else { throw .invalidArgument("invalid manifest: too many layers") }
        self.layers = []
        for layer in layers { self.layers.append(try Descriptor(layer)) }
        annotations = json["annotations"]?.object?.fields.reduce(into: [:]) { $0[$1.key] = $1.value.string } ?? [:]
    }

    package var json: JSONValue {
        [
            "schemaVersion": 2, "mediaType": .string(mediaType), "config": config.json,
            "layers": .array(layers.map(\.json)),
        ]
    }
}

/// A list of manifests, one per platform.
package struct ImageIndex: Sendable, Equatable {
    package var mediaType: String
    package var manifests: [Descriptor]

    package init(mediaType: String = MediaType.ociIndex, manifests: [Descriptor]) {
        self.mediaType = mediaType
        self.manifests = manifests
    }

    package init(parsing bytes: [UInt8]) throws(EngineError) {
        let json = try parseDocument(bytes, "index")
        guard json["layers"] == nil, json["config"] == nil else {
            throw .invalidArgument("invalid index: it is a manifest too")
        }
        guard let manifests = json["manifests"]?.array, manifests.count <= 4096 else {
            throw .invalidArgument("invalid index: manifests missing")
        }
        mediaType = json["mediaType"]?.string ?? MediaType.ociIndex
        self.manifests = []
        for manifest in manifests { self.manifests.append(try Descriptor(manifest)) }
    }

    package var json: JSONValue {
        ["schemaVersion": 2, "mediaType": .string(mediaType), "manifests": .array(manifests.map(\.json))]
    }

    /// The manifest for a platform; attestations and other artifacts (platform `unknown`) are never chosen.
    package func manifest(for platform: ImagePlatform) -> Descriptor? {
        let images = manifests.filter { $0.platform?.os != "unknown" && !MediaType.isSchema1($0.mediaType) }
        return images.first { $0.platform == platform }
            ?? images.first { $0.platform?.matches(platform) == true }
            ?? (images.count == 1 && images[0].platform == nil ? images[0] : nil)
    }
}

/// A document of at most 8 MiB as JSON.
func parseDocument(_ bytes: [UInt8], _ what: String) throws(EngineError) -> JSONValue {
    guard bytes.count <= 8 << 20 else { throw .invalidArgument("invalid \(what): larger than 8 MiB") }
    do throws(JSONError) {
        return try JSONValue.parse(bytes)
    } catch {
        throw .invalidArgument("invalid \(what): \(error)")
    }
}
