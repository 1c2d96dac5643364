// SPDX-License-Identifier: Apache-2.0
// A registry in this process that answers as it is told.
import Archive
import Distribution
import Glibc
import HTTP
import JSON
import Logging
import OCI
import Primitives
import SQLite
import Storage
import Synchronization
import Testing

import struct Crypto.SHA256

/// What came in, for tests to look at.
struct Asked: Sendable {
    var method: String
    var path: String
    var authorization: String?
    var range: String?
}

/// Serves documents on a port of 127.0.0.1. `interfere` may answer instead; true means that it did.
final class FakeRegistry: Sendable {
    typealias Interference = @Sendable (HTTPRequest, HTTPResponder, FakeRegistry) async throws -> Bool

    struct State {
        var documents: [String: (type: String, bytes: [UInt8])] = [:]
        var asked: [Asked] = []
        var counts: [String: Int] = [:]
    }

    let port: Int
    let state = Mutex(State())
    private let server = Mutex<HTTPServer?>(nil)
    private let interfere: Interference

    init(_ interfere: @escaping Interference = { _, _, _ in false }) async throws {
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listening, __CONST_SOCKADDR_ARG(__sockaddr__: address), length) == 0 && listen(listening, 64) == 0
                    && getsockname(listening, __SOCKADDR_ARG(__sockaddr__: address), &length) == 0
            }
        }
        try #require(bound)
        port = Int(UInt16(bigEndian: address.sin_port))
        self.interfere = interfere
        let made = HTTPServer(common: [], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) {
            [weak self] in
            try await self?.answer($0, $1)
        }
        try await made.listen(on: .descriptor(listening))
        server.withLock { $0 = made }
    }

    func close() async {
        await server.withLock { server in
            defer { server = nil }; return server
        }?.close()
    }

    var url: String { "http://127.0.0.1:\(port)" }
    func reference(_ path: String = "app:1") throws -> ImageReference {
        try ImageReference(parsing: "127.0.0.1:\(port)/\(path)")
    }
    var asked: [Asked] { state.withLock { $0.asked } }
    func count(_ name: String) -> Int { state.withLock { $0.counts[name] ?? 0 } }

    /// How often this was called with the name.
    func next(_ name: String) -> Int {
        state.withLock { state in
            state.counts[name, default: 0] += 1
            return state.counts[name] ?? 0
        }
    }

    func serve(_ path: String, _ bytes: [UInt8], type: String = "application/octet-stream") {
        state.withLock { $0.documents["/v2/" + path] = (type, bytes) }
    }

    func document(_ path: String) -> [UInt8]? { state.withLock { $0.documents["/v2/" + path]?.bytes } }

    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        let path = String(request.rawPath.prefix { $0 != "?" })
        state.withLock {
            $0.asked.append(
                Asked(
                    method: request.method, path: path, authorization: request.headers["Authorization"],
                    range: request.headers["Range"]))
        }
        if try await interfere(request, responder, self) { return }
        guard let (type, bytes) = state.withLock({ $0.documents[path] }) else {
            try await responder.send(
                404, body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#.utf8))
            return
        }
        if let range = request.headers["Range"], let start = Int(range.dropFirst("bytes=".count).dropLast()),
            start < bytes.count
        {
            try await responder.send(206, [("Content-Type", type)], body: Array(bytes[start...]))
            return
        }
        try await responder.send(200, [("Content-Type", type)], body: bytes)
    }
}

func digest(_ bytes: [UInt8]) -> Digest { Digest(sha256: SHA256.hash(data: bytes)) }

/// An image of layers made by hand.
struct FakeImage {
    var layers: [[UInt8]]
    var configuration: [UInt8]
    var manifest: Manifest

    init(_ contents: [[UInt8]] = [[1, 2, 3]], change: (inout Manifest) -> Void = { _ in }) {
        layers = contents.enumerated().map { index, content in
            TarWriter.member(PathBytes("file\(index)"), content) + TarWriter.end
        }
        configuration = ImageConfiguration(
            platform: .host, created: "2026-01-01T00:00:00Z", diffIDs: layers.map(digest)
        ).json.serialize()
        manifest = Manifest(
            mediaType: MediaType.dockerManifest,
            config: Descriptor(
                mediaType: MediaType.dockerConfig, digest: digest(configuration), size: Int64(configuration.count)),
            layers: layers.map { Descriptor(mediaType: MediaType.ociLayer, digest: digest($0), size: Int64($0.count)) })
        change(&manifest)
    }

    var document: [UInt8] { manifest.json.serialize() }

    func publish(_ registry: FakeRegistry, _ path: String = "app", tag: String = "1") {
        for name in [tag, digest(document).description] {
            registry.serve("\(path)/manifests/\(name)", document, type: manifest.mediaType)
        }
        registry.serve("\(path)/blobs/\(manifest.config.digest)", configuration)
        for (layer, descriptor) in zip(layers, manifest.layers) {
            registry.serve("\(path)/blobs/\(descriptor.digest)", layer)
        }
    }
}

/// Stores and a door to registries in a folder that goes with the object.
final class Place {
    let folder: String
    let images: ImageStore
    let registries: Registries

    init(policy: RegistryPolicy = RegistryPolicy()) throws {
        var template = Array("/tmp/apus-distribution-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let database = try Database(path: ":memory:")
        let layers = try LayerStore(folder: folder + "/snapshots", database: database)
        images = try ImageStore(content: ContentStore(folder: folder + "/content"), layers: layers, database: database)
        registries = Registries(images: images, policy: policy)
    }

    deinit { Self.removeAll(folder) }

    /// What a transfer left that is no image: unfinished content, and layers and blobs.
    var leftovers: [String] {
        Self.entries(folder + "/content/ingest") + Self.entries(folder + "/snapshots")
            + images.content.list().map(\.description)
    }

    static func entries(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func removeAll(_ path: String) {
        for name in entries(path) where unlink(path + "/" + name) != 0 { removeAll(path + "/" + name) }
        rmdir(path)
    }
}
