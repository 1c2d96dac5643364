// SPDX-License-Identifier: Apache-2.0
// Putting an image together from a configuration and layer blobs: what load, import and the embedded image share.
import AsyncSystem
import JSON
import Linux
package import OCI
package import Primitives

extension ImageStore {
    /// Unpacks the layers of a manifest that are not unpacked yet, from blobs that are in the store, and adds the image.
    package func assemble(manifest digest: Digest, names: [ImageReference], lease: ImageLease) async throws
        -> StoredImage
    {
        lease.keep(blob: digest)
        return try await Blocking.run { [self] in
            let manifest = try Manifest(parsing: content.read(digest))
            let configuration = try ImageConfiguration(parsing: content.read(manifest.config.digest))
            guard configuration.diffIDs.count == manifest.layers.count else {
                throw EngineError.invalidArgument(
                    "invalid manifest, layers length mismatch: expected \(configuration.diffIDs.count), got \(manifest.layers.count)"
                )
            }
            let chains = LayerStore.chains(configuration.diffIDs)
            lease.keep(chains: chains)
            for (index, layer) in manifest.layers.enumerated() where !layers.contains(chains[index]) {
                let unpacker = try layers.unpacker()
                do {
                    try feed(layer.digest, to: unpacker)
                    try layers.commit(unpacker, diffID: configuration.diffIDs[index], chains: Array(chains[...index]))
                } catch {
                    unpacker.abandon()
                    throw error
                }
            }
            return try add(manifest: digest, names: names)
        }
    }

    /// Unpacks a blob that is in the store.
    package func feed(_ blob: Digest, to unpacker: LayerUnpacker) throws {
        let file = try content.open(blob)
        let raw = file.raw
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try FileContent.read(raw, into: buffer)
            if count == 0 { return }
            try unpacker.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Stores a manifest made here for a configuration and layers; gives its digest.
    func makeManifest(configuration: [UInt8], layers descriptors: [Descriptor], lease: ImageLease) throws -> Digest {
        let config = try content.put(configuration) { lease.keep(blob: $0) }
        let manifest = Manifest(
            config: Descriptor(mediaType: MediaType.ociConfig, digest: config, size: Int64(configuration.count)),
            layers: descriptors)
        return try content.put(manifest.json.serialize()) { lease.keep(blob: $0) }
    }
}
