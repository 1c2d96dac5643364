// SPDX-License-Identifier: Apache-2.0
// A manifest as somebody pushes it: is it one, of which kind, and what must be there already?
import JSON
import OCI
import Primitives

/// A checked manifest or index. The bytes are kept as they came; this is what was read in them.
struct ManifestDocument: Sendable {
    let mediaType: String
    /// Configuration and layers that must be in the repository; layers that lie elsewhere by their type are not.
    let blobs: [Descriptor]
    /// The manifests of an index.
    let children: [Descriptor]
    let subject: Digest?
    let artifactType: String
    let annotations: [String: String]
    /// What the layers (or the listed manifests) weigh.
    let totalSize: Int64
    let config: Descriptor?
    let layers: [Descriptor]

    static let sizeLimit = 4 << 20
    private static let descriptorLimit = 10_000

    /// `contentType` is what the request said; nil for bytes of the store, which were checked when they came.
    init(parsing bytes: [UInt8], contentType: String?) throws {
        guard bytes.count <= Self.sizeLimit else {
            throw Refusal(413, .manifestInvalid, "manifest larger than \(Self.sizeLimit) bytes")
        }
        let json: JSONValue
        do { json = try JSONValue.parse(bytes, maximumDepth: 64) } catch {
            throw Refusal.manifestInvalid("manifest is not JSON: \(error)")
        }
        mediaType = try Self.mediaType(json, contentType: contentType)
        let isIndex = MediaType.isIndex(mediaType)
        // A document that is both would be one image to one reader and another to the next (CVE-2021-41190).
        guard json[isIndex ? "layers" : "manifests"] == nil, !isIndex || json["config"] == nil else {
            throw Refusal.manifestInvalid("manifest is both a manifest and an index")
        }
        if isIndex {
            children = try Self.descriptors(json["manifests"], "manifests")
            config = nil
            layers = []
        } else {
            children = []
            guard let configuration = json["config"] else { throw Refusal.manifestInvalid("manifest has no config") }
            config = try Self.descriptor(configuration, "config")
            layers = try Self.descriptors(json["layers"], "layers")
        }
        blobs = (config.map { [$0] } ?? []) + layers.filter { !Self.liesElsewhere($0.mediaType) }
        subject = try json["subject"].flatMap { $0.isNull ? nil : $0 }.map { try Self.descriptor($0, "subject").digest }
        let type = json["artifactType"]?.string ?? ""
        artifactType = type.isEmpty ? config?.mediaType ?? "" : type
        annotations = json["annotations"]?.object?.fields.reduce(into: [:]) { $0[$1.key] = $1.value.string } ?? [:]
        totalSize = (isIndex ? children : layers + (config.map { [$0] } ?? []))
            .reduce(0) { $0.addingReportingOverflow($1.size).partialValue }
    }

    private static func mediaType(_ json: JSONValue, contentType: String?) throws -> String {
        guard json["schemaVersion"]?.int == 2 else {
            throw Refusal.manifestInvalid("only manifests of schema version 2 are supported")
        }
        let said = contentType.map {
            String($0.prefix { $0 != ";" }).filter { $0 != " " && $0 != "\t" }.lowercased()
        }
        guard let inside = json["mediaType"].flatMap({ $0.isNull ? nil : $0 }) else {
            // OCI documents may leave it out; their shape tells then.
            let type = json["manifests"] == nil ? MediaType.ociManifest : MediaType.ociIndex
            guard said == nil || said == type else {
                throw Refusal.manifestInvalid("Content-Type \(said ?? "") does not fit a manifest without mediaType")
            }
            return type
        }
        guard let type = inside.string, MediaType.isIndex(type) || MediaType.isManifest(type) else {
            throw Refusal.manifestInvalid("unsupported manifest type \(inside.string?.prefix(200) ?? "")")
        }
        guard said == nil || said == type else {
            throw Refusal.manifestInvalid("Content-Type \(said ?? "") is not the manifest's mediaType \(type)")
        }
        return type
    }

    /// Layers that a registry need not have (image-spec, layer.md, "Non-Distributable Layers"; Docker's foreign layers).
    private static func liesElsewhere(_ type: String) -> Bool {
        type.hasPrefix("application/vnd.oci.image.layer.nondistributable.v1.")
            || type.hasPrefix("application/vnd.docker.image.rootfs.foreign.")
    }

    private static func descriptors(_ json: JSONValue?, _ what: String) throws -> [Descriptor] {
        if json?.isNull == true { return [] }
        guard let list = json?.array else { throw Refusal.manifestInvalid("manifest has no \(what)") }
        guard list.count <= descriptorLimit else { throw Refusal.manifestInvalid("manifest has too many \(what)") }
        return try list.map { try descriptor($0, what) }
    }

    private static func descriptor(_ json: JSONValue, _ what: String) throws -> Descriptor {
        do { return try Descriptor(json) } catch {
            throw Refusal.manifestInvalid("invalid descriptor in \(what): \(error)")
        }
    }
}
