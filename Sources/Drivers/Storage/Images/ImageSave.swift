// SPDX-License-Identifier: Apache-2.0
// `docker save`: an OCI layout with Docker's manifest.json beside it, as Docker 25 and later write it.
import Archive
import AsyncSystem
import CLinux
import Glibc
import JSON
import Linux
package import OCI
import Primitives

extension ImageStore {
    /// Writes images as one tar. Each comes with the names it is saved under. Blobs are shared and written once.
    package func save(
        _ images: [(image: StoredImage, names: [ImageReference])], to sink: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        for (image, _) in images {
            for blob in [image.manifestDigest, image.id] + image.manifest.layers.map(\.digest)
            where !content.contains(blob) {
                throw EngineError.notFound("content \(blob) of image \(image.id.short) is missing")
            }
        }
        var written: Set<Digest> = []
        try await sink(TarWriter.header(TarEntry(name: "blobs/", kind: .directory, mode: 0o755)))
        try await sink(TarWriter.header(TarEntry(name: "blobs/sha256/", kind: .directory, mode: 0o755)))
        var manifests: [JSONValue] = []
        var docker: [JSONValue] = []
        for (image, names) in images {
            for blob in [image.id] + image.manifest.layers.map(\.digest) + [image.manifestDigest]
            where written.insert(blob).inserted {
                try await write(blob, to: sink)
            }
            manifests += index(image, names)
            docker.append([
                "Config": .string(path(image.id)),
                "RepoTags": names.isEmpty ? .null : .array(names.map { .string($0.familiar) }),
                "Layers": .array(image.manifest.layers.map { .string(path($0.digest)) }),
            ])
        }
        let top: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex), "manifests": .array(manifests),
        ]
        try await sink(TarWriter.member("index.json", top.serialize()))
        try await sink(TarWriter.member("manifest.json", JSONValue.array(docker).serialize()))
        try await sink(TarWriter.member("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)))
        try await sink(TarWriter.end)
    }

    private func path(_ digest: Digest) -> String { "blobs/\(digest.algorithm)/\(digest.hex)" }

    private func index(_ image: StoredImage, _ names: [ImageReference]) -> [JSONValue] {
        var descriptor = Descriptor(
            mediaType: image.manifest.mediaType, digest: image.manifestDigest,
            size: content.size(image.manifestDigest) ?? 0,
            platform: image.configuration.platform)
        guard !names.isEmpty else { return [descriptor.json] }
        return names.map { name in
            descriptor.annotations = [
                "io.containerd.image.name": name.description, "org.opencontainers.image.ref.name": name.tag ?? "",
            ]
            return descriptor.json
        }
    }

    private func write(_ blob: Digest, to sink: @Sendable ([UInt8]) async throws -> Void) async throws {
        let file = try content.open(blob).release()
        defer { _ = close(file) }
        let size = content.size(blob) ?? 0
        try await sink(TarWriter.header(TarEntry(name: PathBytes(path(blob)), mode: 0o444, size: size)))
        var left = size
        while left > 0 {
            let wanted = Int(min(left, 1 << 20))
            let chunk = try await Blocking.run {
                var bytes = [UInt8](repeating: 0, count: wanted)
                let count = try bytes.withUnsafeMutableBytes { try FileContent.read(file, into: $0) }
                bytes.removeLast(wanted - count)
                return bytes
            }
            guard !chunk.isEmpty else { throw EngineError.internalError("content \(blob) ended early") }
            try await sink(chunk)
            left -= Int64(chunk.count)
        }
        try await sink(TarWriter.padding(for: size))
    }
}
