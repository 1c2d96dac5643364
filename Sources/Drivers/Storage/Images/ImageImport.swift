// SPDX-License-Identifier: Apache-2.0
// `docker import` and the embedded image: one layer from a tar of a root.
import Archive
import AsyncSystem
package import JSON
import Linux
package import OCI
import Primitives

import struct Crypto.SHA256

extension ImageStore {
    /// Makes an image of one layer from a tar, plain or compressed.
    package func importImage(
        _ stream: ByteStream, name: ImageReference?, platform: ImagePlatform, config: JSONObject, message: String
    ) async throws -> StoredImage {
        try await withLease { lease in
            let content = self.content
            let layers = self.layers
            let ingest = try content.begin("import-\(Identifier.random().prefix(16))", resume: false)
            defer { ingest.abandon() }
            let unpacker = try layers.unpacker()
            defer { unpacker.abandon() }
            nonisolated(unsafe) var magic: [UInt8] = []
            while let chunk = try await stream() {
                if magic.count < 4 { magic += chunk.prefix(4) }
                try await Blocking.run {
                    try chunk.withUnsafeBytes {
                        try ingest.write($0)
                        try unpacker.write($0)
                    }
                }
            }
            let isGzip = magic.starts(with: [0x1F, 0x8B])
            return try await Blocking.run { [self] in
                let size = ingest.offset
                let blob = try ingest.commit(expecting: nil, size: nil) { lease.keep(blob: $0) }
                let diff = try layers.commit(unpacker) { lease.keep(chains: [$0]) }
                let created = Timestamp.now().rfc3339Nano
                var configuration = ImageConfiguration(
                    platform: platform, created: created, diffIDs: [diff], config: config)
                configuration.comment = message
                configuration.history = [
                    .init(created: created, createdBy: "", comment: message, author: "", isEmptyLayer: false)
                ]
                let descriptor = Descriptor(
                    mediaType: isGzip ? MediaType.ociLayerGzip : MediaType.ociLayer, digest: blob, size: size)
                let manifest = try makeManifest(
                    configuration: configuration.json.serialize(), layers: [descriptor], lease: lease)
                return try add(manifest: manifest, names: name.map { [$0] } ?? [])
            }
        }
    }

    /// Adds `hello-world:latest`, whose only file is the program given, the first time a data root is used.
    /// The same program gives the same digests. Who removed the image does not get it again.
    package func addEmbeddedImage(program: String) async throws {
        guard try raise("hello-world") else { return }
        let bytes = try FileContent.read(program, limit: 64 << 20)
        let tar =
            TarWriter.header(TarEntry(name: "hello", mode: 0o755, size: Int64(bytes.count))) + bytes
            + TarWriter.padding(for: Int64(bytes.count)) + TarWriter.end
        try await withLease { lease in
            let created = "2026-01-01T00:00:00Z"
            let blob = try content.put(tar) { lease.keep(blob: $0) }
            let configuration = ImageConfiguration(
                platform: .host, created: created, diffIDs: [blob],
                config: [
                    "Cmd": ["/hello"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                    "WorkingDir": "/",
                ],
                history: [
                    .init(
                        created: created, createdBy: "COPY hello / # embedded", comment: "", author: "",
                        isEmptyLayer: false),
                    .init(created: created, createdBy: "CMD [\"/hello\"]", comment: "", author: "", isEmptyLayer: true),
                ])
            let manifest = try makeManifest(
                configuration: configuration.json.serialize(),
                layers: [Descriptor(mediaType: MediaType.ociLayer, digest: blob, size: Int64(tar.count))], lease: lease)
            _ = try await assemble(
                manifest: manifest, names: [try ImageReference(parsing: "hello-world:latest")], lease: lease)
        }
    }
}
