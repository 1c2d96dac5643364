// SPDX-License-Identifier: Apache-2.0
// `docker push`: blobs the registry lacks, then the manifest.
import AsyncHTTPClient
import AsyncSystem
import Glibc
import Linux
import NIOCore
import NIOHTTP1
package import OCI
import Primitives
package import Storage

extension Registries {
    /// Uploads an image under a name.
    package func push(
        _ image: StoredImage, to reference: ImageReference, credentials: Credentials = Credentials(),
        progress: @escaping TransferSink
    ) async throws {
        try await withClient(reference, credentials, actions: "pull,push") { client in
            try await progress(.status(id: nil, "The push refers to repository [\(reference.repository)]"))
            let document = try images.content.read(image.manifestDigest)
            for layer in image.manifest.layers { try await progress(.status(id: layer.digest.short, "Preparing")) }
            // Where else in this registry the blobs are, as far as we know: it can take them from there.
            let other = (image.digests + image.tags).first {
                $0.domain == reference.domain && $0.path != reference.path && $0.digest != nil
            }?.path
            for layer in image.manifest.layers {
                try await upload(layer, client, id: layer.digest.short, from: other, progress)
            }
            try await upload(image.manifest.config, client, id: nil, from: other, progress)
            let tag = reference.tag ?? "latest"
            let response = try await client.send(
                .PUT, client.url("manifests/\(tag)"), headers: [("Content-Type", image.manifest.mediaType)],
                body: .bytes(document))
            _ = try? await response.body.collect(upTo: 64 << 10)
            try await progress(.status(id: nil, "\(tag): digest: \(image.manifestDigest) size: \(document.count)"))
            try await progress(.pushed(tag: tag, digest: image.manifestDigest.description, size: Int64(document.count)))
            try images.tag(
                image.id,
                as: ImageReference(domain: reference.domain, path: reference.path, digest: image.manifestDigest))
        }
    }

    private func upload(
        _ blob: Descriptor, _ client: RegistryClient, id: String?, from other: String?,
        _ progress: @escaping TransferSink
    ) async throws {
        let head = try await client.fetch(.HEAD, client.url("blobs/\(blob.digest)"), accepting: [404])
        if head.status.code == 200 {
            if let id { try await progress(.status(id: id, "Layer already exists")) }
            return
        }
        guard images.content.contains(blob.digest) else {
            throw EngineError.notFound("content \(blob.digest) is missing")
        }
        let mount = other.map {
            "?mount=\(RegistryClient.escaped(blob.digest.description))&from=\(RegistryClient.escaped($0))"
        }
        let begun = try await client.send(
            .POST, client.url("blobs/uploads/") + (mount ?? ""), headers: [("Content-Length", "0")])
        _ = try? await begun.body.collect(upTo: 64 << 10)
        if begun.status.code == 201, let other {
            if let id { try await progress(.status(id: id, "Mounted from \(other)")) }
            return
        }
        guard var place = begun.headers.first(name: "Location") else {
            throw EngineError.internalError("the registry gave no place to upload to")
        }
        if place.hasPrefix("/") { place = RegistryClient.origin(client.endpoint.url) + place }
        place += (place.contains("?") ? "&" : "?") + "digest=" + RegistryClient.escaped(blob.digest.description)
        let file = try images.content.open(blob.digest).release()
        defer { _ = Glibc.close(file) }
        let body = BlobBody(file: file, size: blob.size) { sent in
            if let id { try await progress(.progress(id: id, "Pushing", current: sent, total: blob.size)) }
        }
        let done = try await client.send(
            .PUT, place, headers: [("Content-Type", "application/octet-stream")],
            body: .stream(body, length: .known(blob.size)),
            timeout: .hours(2))
        _ = try? await done.body.collect(upTo: 64 << 10)
        if let id { try await progress(.status(id: id, "Pushed")) }
    }
}

/// A file as a request body, read off the concurrency pool. It may be sent again from the start after a challenge.
private struct BlobBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: Int32
    let size: Int64
    let sent: @Sendable (Int64) async throws -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        let body: BlobBody
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            guard offset < body.size else { return nil }
            let (file, position) = (body.file, offset)
            let bytes = try await Blocking.run {
                var buffer = [UInt8](repeating: 0, count: 256 << 10)
                let count = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, Int(position)) }
                guard count > 0 else { throw EngineError.internalError("a blob ended early") }
                buffer.removeLast(buffer.count - count)
                return buffer
            }
            offset += Int64(bytes.count)
            if offset / (4 << 20) != (offset - Int64(bytes.count)) / (4 << 20) { try await body.sent(offset) }
            return ByteBuffer(bytes: bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
