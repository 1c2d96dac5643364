// SPDX-License-Identifier: Apache-2.0
// `docker pull`: manifest, then layers side by side, each verified and unpacked while it arrives.
import AsyncHTTPClient
import AsyncSystem
import JSON
import NIOCore
import NIOHTTP1
package import OCI
import Primitives
package import Storage

import struct Crypto.SHA256

extension Registries {
    /// Pulls an image and gives it the reference's name. Nothing becomes visible before all of it is there.
    package func pull(
        _ reference: ImageReference, platform: ImagePlatform = .host, credentials: Credentials = Credentials(),
        progress: @escaping TransferSink
    ) async throws -> StoredImage {
        let wanted = reference.tagged
        return try await withClient(wanted, credentials, actions: "pull") { client in
            try await images.withLease(keeps: LayerPull.canContinue(after:)) { lease in
                let (bytes, type, digest) = try await manifest(
                    client, wanted.digest?.description ?? wanted.tag ?? "latest", wanted.digest)
                try await progress(
                    .status(id: wanted.digest?.description ?? wanted.tag ?? "latest", "Pulling from \(wanted.path)"))
                let (document, documentDigest) = try await image(client, bytes, type, digest, platform, wanted)
                let manifest = try Manifest(parsing: document)
                guard manifest.layers.allSatisfy({ MediaType.isLayer($0.mediaType) }) else {
                    throw EngineError.invalidArgument(
                        "\(wanted.familiar) is not a container image but an artifact (\(manifest.config.mediaType))")
                }
                lease.keep(blob: documentDigest)
                for part in [manifest.config] + manifest.layers { lease.keep(blob: part.digest) }
                let configuration = try await configuration(client, manifest)
                guard configuration.diffIDs.count == manifest.layers.count else {
                    throw EngineError.invalidArgument(
                        "invalid manifest: \(manifest.layers.count) layers, \(configuration.diffIDs.count) in the configuration"
                    )
                }
                let chains = LayerStore.chains(configuration.diffIDs)
                lease.keep(chains: chains)
                try await LayerPull(client: client, images: images, flights: flights, progress: progress)
                    .run(manifest.layers, configuration.diffIDs, chains)
                let before = try? images.image(named: wanted)
                let image = try await Blocking.run { [images] in
                    try images.content.put(document)
                    let byDigest = ImageReference(domain: wanted.domain, path: wanted.path, digest: digest)
                    return try images.add(
                        manifest: documentDigest, names: wanted.digest == nil ? [wanted, byDigest] : [byDigest])
                }
                try await progress(.status(id: nil, "Digest: \(digest)"))
                try await progress(
                    .status(
                        id: nil,
                        before?.id == image.id
                            ? "Status: Image is up to date for \(wanted.familiar)"
                            : "Status: Downloaded newer image for \(wanted.familiar)"))
                return image
            }
        }
    }

    /// A manifest or index by tag or digest, verified when the digest is known.
    private func manifest(_ client: RegistryClient, _ name: String, _ expected: Digest?) async throws -> (
        [UInt8], String, Digest
    ) {
        let (bytes, headers) = try await client.document(
            client.url("manifests/\(name)"), headers: RegistryClient.manifestTypes.map { ("Accept", $0) })
        let digest = Digest(sha256: SHA256.hash(data: bytes))
        if let expected, expected != digest {
            throw EngineError.invalidArgument("manifest verification failed for digest \(expected)")
        }
        let type = headers.first(name: "Content-Type")?.split(separator: ";").first.map(String.init) ?? ""
        if MediaType.isSchema1(type) || (try? JSONValue.parse(bytes))?["schemaVersion"]?.int == 1 {
            throw EngineError.invalidArgument(
                "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. Suggest the author of \(client.path) to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2."
            )
        }
        return (bytes, type, digest)
    }

    /// The manifest of the platform asked for, through an index if there is one.
    private func image(
        _ client: RegistryClient, _ bytes: [UInt8], _ type: String, _ digest: Digest, _ platform: ImagePlatform,
        _ reference: ImageReference
    ) async throws -> ([UInt8], Digest) {
        let isIndex = MediaType.isIndex(type) || !MediaType.isManifest(type) && (try? ImageIndex(parsing: bytes)) != nil
        guard isIndex else { return (bytes, digest) }
        guard let chosen = try ImageIndex(parsing: bytes).manifest(for: platform) else {
            throw EngineError.notFound("no matching manifest for \(platform) in the manifest list entries")
        }
        let (inner, innerType, innerDigest) = try await manifest(client, chosen.digest.description, chosen.digest)
        guard !MediaType.isIndex(innerType) else {
            throw EngineError.invalidArgument("an index inside an index is no image")
        }
        return (inner, innerDigest)
    }

    private func configuration(_ client: RegistryClient, _ manifest: Manifest) async throws -> ImageConfiguration {
        let digest = manifest.config.digest
        if images.content.contains(digest) { return try ImageConfiguration(parsing: images.content.read(digest)) }
        let bytes = try await client.document(client.url("blobs/\(digest)")).bytes
        guard bytes.count == manifest.config.size, Digest(sha256: SHA256.hash(data: bytes)) == digest else {
            throw EngineError.invalidArgument("image config verification failed for digest \(digest)")
        }
        let parsed = try ImageConfiguration(parsing: bytes)
        _ = try await Blocking.run { [images] in try images.content.put(bytes) }
        return parsed
    }
}
