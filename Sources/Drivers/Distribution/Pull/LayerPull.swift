// SPDX-License-Identifier: Apache-2.0
// The layers of one pull: three downloads at a time, each hashed, stored and unpacked in the same pass.
import AsyncHTTPClient
import AsyncSystem
import NIOCore
import NIOHTTP1
import OCI
import Primitives
import Storage

/// Brings the layers of an image on disk.
struct LayerPull: Sendable {
    let client: RegistryClient
    let images: ImageStore
    let flights: Flights
    let progress: TransferSink

    private static let parallel = 3
    private static let attempts = 5

    func run(_ layers: [Descriptor], _ diffIDs: [Digest], _ chains: [Digest]) async throws {
        for layer in layers { try await progress(.status(id: layer.digest.short, "Pulling fs layer")) }
        var unpacked: [Int: LayerUnpacker] = [:]
        defer { for unpacker in unpacked.values { unpacker.abandon() } }
        try await withThrowingTaskGroup(of: (Int, LayerUnpacker?).self) { group in
            var next = 0
            func start() {
                guard next < layers.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try await fetch(layers[index], chain: chains[index])) }
            }
            for _ in 0..<Self.parallel { start() }
            while let (index, unpacker) = try await group.next() {
                if let unpacker { unpacked[index] = unpacker }
                start()
            }
        }
        // Published from below: a layer may complete itself from those underneath.
        for index in layers.indices {
            guard let unpacker = unpacked[index] else { continue }
            let layers = images.layers
            try await Blocking.run {
                try layers.commit(unpacker, diffID: diffIDs[index], chains: Array(chains[...index]))
            }
            unpacked[index] = nil
        }
        for layer in layers { try await progress(.status(id: layer.digest.short, "Pull complete")) }
    }

    /// One layer; nil when it is unpacked already.
    private func fetch(_ layer: Descriptor, chain: Digest) async throws -> LayerUnpacker? {
        let id = layer.digest.short
        if images.layers.contains(chain), images.content.contains(layer.digest) {
            try await progress(.status(id: id, "Already exists"))
            return nil
        }
        await flights.enter(layer.digest.description)
        do {
            let unpacker = try await take(layer, chain: chain, id: id)
            await flights.leave(layer.digest.description)
            return unpacker
        } catch {
            await flights.leave(layer.digest.description)
            throw error
        }
    }

    private func take(_ layer: Descriptor, chain: Digest, id: String) async throws -> LayerUnpacker? {
        let isUnpacked = images.layers.contains(chain)
        if images.content.contains(layer.digest) {
            if isUnpacked {
                try await progress(.status(id: id, "Already exists"))
                return nil
            }
            try await progress(.status(id: id, "Extracting"))
            let images = self.images
            return try await Blocking.run {
                let unpacker = try images.layers.unpacker()
                try images.feed(layer.digest, to: unpacker)
                return unpacker
            }
        }
        return try await download(layer, id: id, unpacks: !isUnpacked)
    }

    private func download(_ layer: Descriptor, id: String, unpacks: Bool) async throws -> LayerUnpacker? {
        let images = self.images
        let ingest = try await Blocking.run { try images.content.begin("pull-\(layer.digest.hex)", resume: true) }
        var unpacker = unpacks ? try images.layers.unpacker() : nil
        do {
            if ingest.offset > layer.size { try ingest.restart() }
            if ingest.offset > 0, let begun = unpacker {
                do {
                    try await Blocking.run { try ingest.replay { try begun.write($0) } }
                } catch {
                    // What an earlier try left is no layer: from the start.
                    begun.abandon()
                    try ingest.restart()
                    unpacker = try images.layers.unpacker()
                }
            }
            var attempt = 0
            while ingest.offset < layer.size {
                attempt += 1
                do {
                    let response = try await open(layer, from: ingest.offset)
                    if response.status.code != 206, ingest.offset > 0 {
                        try ingest.restart()
                        unpacker?.abandon()
                        unpacker = unpacks ? try images.layers.unpacker() : nil
                    }
                    try await receive(response, layer, id: id, into: ingest, unpacker)
                    if ingest.offset < layer.size { throw EngineError.internalError("unexpected EOF") }
                } catch let error where attempt < Self.attempts && Self.isTransient(error) {
                    try await progress(.status(id: id, "Retrying in 1 second"))
                    try await Task.sleep(for: .milliseconds(200 << attempt))
                }
            }
            try await progress(.status(id: id, "Verifying Checksum"))
            _ = try await Blocking.run { try ingest.commit(expecting: layer.digest, size: layer.size) }
            try await progress(.status(id: id, "Download complete"))
            return unpacker
        } catch {
            unpacker?.abandon()
            // Bytes that are not what the manifest says are of no use to a later try; those that only stopped are.
            if !Self.canContinue(after: error) { ingest.abandon() }
            throw error
        }
    }

    /// Whether a later pull may go on where this one stopped: the registry or the way to it failed, not the content.
    static func canContinue(after error: any Error) -> Bool {
        if let refusal = (error as? RegistryError) ?? (error as? EngineError)?.cause as? RegistryError {
            return refusal.status == 429 || refusal.status >= 500
        }
        return isTransient(error)
    }

    private static func isTransient(_ error: any Error) -> Bool {
        if let engine = error as? EngineError {
            return engine.kind == .internalError && !engine.message.contains("o space left")
        }
        return error is HTTPClientError || error is ChannelError || error is IOError
    }

    private func open(_ layer: Descriptor, from offset: Int64) async throws -> HTTPClientResponse {
        try await client.fetch(
            .GET, client.url("blobs/\(layer.digest)"), headers: offset > 0 ? [("Range", "bytes=\(offset)-")] : [])
    }

    private func receive(
        _ response: HTTPClientResponse, _ layer: Descriptor, id: String, into ingest: Ingest, _ unpacker: LayerUnpacker?
    ) async throws {
        var shown = ContinuousClock.now
        var pending: [UInt8] = []
        func flush() async throws {
            if pending.isEmpty { return }
            let bytes = pending
            pending = []
            guard ingest.offset + Int64(bytes.count) <= layer.size else {
                throw EngineError.invalidArgument(
                    "filesystem layer verification failed for digest \(layer.digest): more than \(layer.size) bytes")
            }
            try await Blocking.run {
                try bytes.withUnsafeBytes {
                    try ingest.write($0)
                    try unpacker?.write($0)
                }
            }
            if ContinuousClock.now - shown > .milliseconds(100) {
                shown = .now
                try await progress(.progress(id: id, "Downloading", current: ingest.offset, total: layer.size))
            }
        }
        do {
            for try await chunk in response.body {
                pending.append(contentsOf: chunk.readableBytesView)
                if pending.count >= 256 << 10 { try await flush() }
            }
        } catch {
            // What arrived before the break is kept: the next try continues behind it.
            try await flush()
            throw EngineError.internalError("\(error)", cause: error)
        }
        try await flush()
    }
}
