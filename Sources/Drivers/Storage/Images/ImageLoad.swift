// SPDX-License-Identifier: Apache-2.0
// `docker load`: archives of `docker save`, old and new, and OCI layouts, plain or compressed.
import Archive
import AsyncSystem
import CLinux
import Glibc
import JSON
import Linux
package import OCI
import Primitives

import struct Crypto.SHA256

/// Bytes that arrive piece by piece; nil at the end.
package typealias ByteStream = @Sendable () async throws -> [UInt8]?

extension ImageStore {
    /// Takes in every image of an archive. Gives each with the names the archive has for it (none for a nameless one).
    package func load(_ stream: ByteStream) async throws -> [(image: StoredImage, names: [ImageReference])] {
        try await withLease { lease in
            let spool = try ArchiveSpool(folder: content.folder + "/ingest/load-\(Identifier.random().prefix(16))")
            defer { spool.remove() }
            while let chunk = try await stream() { try await Blocking.run { try spool.write(chunk) } }
            try await Blocking.run { try spool.finish() }
            if spool.contains("index.json"), !spool.contains("manifest.json") {
                return try await loadLayout(spool, lease)
            }
            guard spool.contains("manifest.json") else {
                throw EngineError.invalidArgument("invalid archive: does not contain a manifest.json")
            }
            return try await loadDocker(spool, lease)
        }
    }

    private func loadLayout(_ spool: ArchiveSpool, _ lease: ImageLease) async throws -> [(
        image: StoredImage, names: [ImageReference]
    )] {
        var loaded: [(image: StoredImage, names: [ImageReference])] = []
        var pending = try ImageIndex(parsing: spool.read("index.json")).manifests.map { ($0, $0.annotations) }
        var seen = 0
        while let (descriptor, annotations) = pending.popLast() {
            seen += 1
            guard seen < 1000 else { throw EngineError.invalidArgument("invalid archive: too many manifests") }
            let bytes = try spool.blob(descriptor.digest)
            if MediaType.isIndex(descriptor.mediaType) {
                let index = try ImageIndex(parsing: bytes)
                guard let chosen = index.manifest(for: .host) else { continue }
                pending.append((chosen, annotations))
                continue
            }
            let manifest = try Manifest(parsing: bytes)
            // Attestations and other artifacts are no images.
            guard manifest.layers.allSatisfy({ MediaType.isLayer($0.mediaType) }) else { continue }
            for part in [manifest.config] + manifest.layers {
                try await take(spool.path(of: part.digest), as: part.digest, spool, lease)
            }
            let digest = try content.put(bytes) { lease.keep(blob: $0) }
            var names: [ImageReference] = []
            if let name = annotations["io.containerd.image.name"] {
                names.append(try ImageReference(parsing: name).tagged)
            } else if let name = annotations["org.opencontainers.image.ref.name"],
                name.contains("/") || name.contains(":")
            {
                names.append(try ImageReference(parsing: name).tagged)
            }
            loaded.append((try await assemble(manifest: digest, names: names, lease: lease), names))
        }
        return loaded.reversed()
    }

    private func loadDocker(_ spool: ArchiveSpool, _ lease: ImageLease) async throws -> [(
        image: StoredImage, names: [ImageReference]
    )] {
        let json: JSONValue
        do { json = try JSONValue.parse(try spool.read("manifest.json")) } catch let error as JSONError {
            throw EngineError.invalidArgument("invalid manifest.json: \(error)")
        }
        var loaded: [(image: StoredImage, names: [ImageReference])] = []
        for entry in json.array ?? [] {
            guard let config = entry["Config"]?.string, let paths = entry["Layers"]?.strings else {
                throw EngineError.invalidArgument("invalid manifest.json")
            }
            let configuration = try spool.read(config)
            let parsed = try ImageConfiguration(parsing: configuration)
            guard parsed.diffIDs.count == paths.count else {
                throw EngineError.invalidArgument(
                    "invalid manifest, layers length mismatch: expected \(parsed.diffIDs.count), got \(paths.count)")
            }
            var descriptors: [Descriptor] = []
            for path in paths {
                let descriptor = try await take(path, as: nil, spool, lease)
                descriptors.append(descriptor)
            }
            let names = try (entry["RepoTags"]?.strings ?? []).map { try ImageReference(parsing: $0).tagged }
            let digest =
                try originalManifest(spool, configuration, descriptors, lease)
                ?? makeManifest(configuration: configuration, layers: descriptors, lease: lease)
            try content.put(configuration) { lease.keep(blob: $0) }
            loaded.append((try await assemble(manifest: digest, names: names, lease: lease), names))
        }
        return loaded
    }

    /// The manifest the image had when it was saved, if the archive brings it: its digest then stays the same.
    private func originalManifest(
        _ spool: ArchiveSpool, _ configuration: [UInt8], _ layers: [Descriptor], _ lease: ImageLease
    ) throws -> Digest? {
        guard spool.contains("index.json"), let index = try? ImageIndex(parsing: spool.read("index.json")) else {
            return nil
        }
        let config = Digest(sha256: SHA256.hash(data: configuration))
        for descriptor in index.manifests where !MediaType.isIndex(descriptor.mediaType) {
            guard let bytes = try? spool.blob(descriptor.digest), let manifest = try? Manifest(parsing: bytes),
                manifest.config.digest == config, manifest.layers.map(\.digest) == layers.map(\.digest)
            else { continue }
            return try content.put(bytes) { lease.keep(blob: $0) }
        }
        return nil
    }

    /// Moves a file of the archive into the content store.
    @discardableResult
    private func take(_ path: String, as digest: Digest?, _ spool: ArchiveSpool, _ lease: ImageLease) async throws
        -> Descriptor
    {
        let content = self.content
        if let digest {
            lease.keep(blob: digest)
            if let size = content.size(digest) {
                return Descriptor(mediaType: MediaType.ociLayer, digest: digest, size: size)
            }
        }
        return try await Blocking.run {
            let file = try spool.open(path)
            let raw = file.raw
            let ingest = try content.begin("load-\(Identifier.random().prefix(16))", resume: false)
            defer { ingest.abandon() }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { buffer.deallocate() }
            var magic: [UInt8] = []
            while true {
                let count = try FileContent.read(raw, into: buffer)
                if count == 0 { break }
                if magic.isEmpty { magic = Array(buffer[..<min(4, count)]) }
                try ingest.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            let size = ingest.offset
            let actual = try ingest.commit(expecting: digest, size: nil) { lease.keep(blob: $0) }
            let type =
                magic.starts(with: [0x1F, 0x8B])
                ? MediaType.ociLayerGzip
                : magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) ? MediaType.ociLayer + "+zstd" : MediaType.ociLayer
            return Descriptor(mediaType: type, digest: actual, size: size)
        }
    }
}

/// The regular files of an archive, set down under numbers of our own: no name from the archive is used as a path.
final class ArchiveSpool: @unchecked Sendable {
    // Unchecked: written by one pool thread after another while its owner awaits each call, and only read afterwards.
    private final class Files: TarVisitor {
        let folder: String
        var paths: [String: String] = [:]
        var links: [String: String] = [:]
        private var members = 0
        private var file: Int32 = -1

        init(folder: String) { self.folder = folder }

        deinit { close() }

        func close() {
            if file >= 0 { _ = Glibc.close(file) }
            file = -1
        }

        func begin(_ entry: TarEntry) throws {
            let parts = try LayerTree.parts(entry.name)
            let name = PathBytes.joining(parts).description
            members += 1
            guard members <= 100_000 else { throw EngineError.invalidArgument("invalid archive: too many members") }
            switch entry.kind {
            case .file:
                // Numbered by member, not by name: a name may come twice, and the last one counts.
                let path = "\(folder)/\(members)"
                file = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).release()
                paths[name] = path
                links[name] = nil
            case .symbolicLink:
                // Old archives share layers by relative links (`../<id>/layer.tar`).
                let target = PathBytes.joining([.joining(parts.dropLast()), entry.linkName])
                links[name] = try PathBytes.joining(LayerTree.parts(target)).description
                paths[name] = nil
            case .hardLink:
                links[name] = try PathBytes.joining(LayerTree.parts(entry.linkName)).description
                paths[name] = nil
            case .directory: break
            case .characterDevice, .blockDevice, .fifo:
                throw EngineError.invalidArgument("invalid archive: special file \(entry.name)")
            }
        }

        func content(_ bytes: UnsafeRawBufferPointer) throws {
            if file >= 0 { try FileContent.writeAll(file, bytes) }
        }

        func end() throws { close() }
    }

    private let files: Files
    private var reader: TarReader<Files>
    private let decompressor = Decompressor()

    init(folder: String) throws {
        try Folder.make(folder)
        files = Files(folder: folder)
        reader = TarReader(visitor: files)
    }

    func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try decompressor.write($0) { try reader.feed($0) } }
    }

    func finish() throws {
        try decompressor.finish { try reader.feed($0) }
        try reader.finish()
    }

    func remove() {
        files.close()
        Folder.removeTree(files.folder)
    }

    func contains(_ name: String) -> Bool { resolved(name) != nil }

    func read(_ name: String) throws -> [UInt8] {
        guard let path = resolved(name) else {
            throw EngineError.invalidArgument("invalid archive: \(name) is missing")
        }
        return try FileContent.read(path, limit: 8 << 20)
    }

    func open(_ name: String) throws -> OwnedFD {
        guard let path = resolved(name) else {
            throw EngineError.invalidArgument("invalid archive: \(name) is missing")
        }
        return try OwnedFD.open(path, O_RDONLY)
    }

    func path(of digest: Digest) -> String { "blobs/\(digest.algorithm)/\(digest.hex)" }

    /// A document among the blobs, verified.
    func blob(_ digest: Digest) throws -> [UInt8] {
        let bytes = try read(path(of: digest))
        guard Digest(sha256: SHA256.hash(data: bytes)) == digest else {
            throw EngineError.invalidArgument("invalid archive: content of \(digest) does not match its digest")
        }
        return bytes
    }

    private func resolved(_ name: String) -> String? {
        var name = name
        for _ in 0..<8 {
            if let path = files.paths[name] { return path }
            guard let target = files.links[name] else { return nil }
            name = target
        }
        return nil
    }
}
