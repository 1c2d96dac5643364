// SPDX-License-Identifier: Apache-2.0
// Another registry as a pull-through cache sees it: manifests, blobs and tags, as they come.
import AsyncHTTPClient
import Crypto
import JSON
import NIOCore
import NIOHTTP1
import OCI
package import Primitives
import Synchronization

/// Why the registry behind gave nothing.
package enum UpstreamError: Error, Sendable, CustomStringConvertible {
    case notFound
    /// It does not answer, or not now: an older copy is better than nothing.
    case unavailable(String)
    /// It answered with no.
    case refused(String)

    package var description: String {
        switch self {
        case .notFound: "not found"
        case .unavailable(let why), .refused(let why): why
        }
    }
}

/// Reads one registry; nothing that comes from it is trusted before its digest was computed. `close` it at the end.
package final class UpstreamRegistry: Sendable {
    private let endpoint: RegistryPolicy.Endpoint
    private let credentials: Credentials
    private let http: HTTPClient
    /// Clients keep their tokens; a limited number of them is kept.
    private let clients = Mutex<[String: RegistryClient]>([:])
    private static let clientLimit = 256

    /// `url` is `https://HOST[:PORT]`, or `http://…` where the operator says so.
    package init(url: String, credentials: Credentials) throws {
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), url.split(separator: "/").count == 2,
            !url.contains("@"), !url.contains("?")
        else {
            throw EngineError.invalidArgument("the proxied registry is given as https://HOST[:PORT], not \(url)")
        }
        endpoint = RegistryPolicy.Endpoint(
            url: url.hasSuffix("/") ? String(url.dropLast()) : url, isInsecure: url.hasPrefix("http://"))
        self.credentials = credentials
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(15), read: .seconds(60))
        configuration.redirectConfiguration = .follow(max: 5, allowCycles: false)
        configuration.decompression = .disabled
        // Else nobody would hear for a quarter of a minute that nobody listens there.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func close() async {
        // Shutting down twice is the only failure, and harmless.
        try? await http.shutdown()
    }

    private func client(_ path: String) -> RegistryClient {
        clients.withLock { clients in
            if let client = clients[path] { return client }
            if clients.count >= Self.clientLimit { clients = [:] }
            let client = RegistryClient(endpoint: endpoint, path: path, credentials: credentials, http: http)
            clients[path] = client
            return client
        }
    }

    /// The digest a tag has there; nil when the registry does not say.
    package func digest(_ path: String, _ tag: String) async throws -> Primitives.Digest? {
        try await translated {
            let client = client(path)
            let response = try await client.fetch(
                .HEAD, client.url("manifests/\(tag)"), headers: RegistryClient.manifestTypes.map { ("Accept", $0) })
            return response.headers.first(name: "Docker-Content-Digest").flatMap { try? Primitives.Digest(parsing: $0) }
        }
    }

    /// A manifest's bytes and the type the registry gives it.
    package func manifest(_ path: String, _ reference: String, limit: Int) async throws -> ([UInt8], String?) {
        try await translated {
            let client = client(path)
            let answer = try await client.document(
                client.url("manifests/\(reference)"), headers: RegistryClient.manifestTypes.map { ("Accept", $0) },
                limit: limit)
            return (answer.bytes, answer.headers.first(name: "Content-Type"))
        }
    }

    package func blobSize(_ path: String, _ digest: Primitives.Digest) async throws -> Int64 {
        try await translated {
            let client = client(path)
            let response = try await client.fetch(.HEAD, client.url("blobs/\(digest)"))
            guard let size = response.headers.first(name: "Content-Length").flatMap({ Int64($0) }), size >= 0 else {
                throw UpstreamError.unavailable("it does not say how large \(digest) is")
            }
            return size
        }
    }

    package func blob(_ path: String, _ digest: Primitives.Digest) async throws -> BlobStream {
        try await translated {
            let client = client(path)
            let response = try await client.fetch(.GET, client.url("blobs/\(digest)"))
            return BlobStream(
                length: response.headers.first(name: "Content-Length").flatMap { Int64($0) }, body: response.body)
        }
    }

    /// All tags of a repository, page by page.
    package func tags(_ path: String) async throws -> [String] {
        try await translated {
            let client = client(path)
            var tags: [String] = []
            var next: String? = client.url("tags/list?n=1000")
            var pages = 0
            while let url = next, pages < Self.pageLimit {
                let answer = try await client.document(url)
                tags += ((try JSONValue.parse(answer.bytes))["tags"]?.strings ?? []).filter(ImageReference.isTag)
                next = Self.next(answer.headers.first(name: "Link"), origin: endpoint.url)
                pages += 1
            }
            return tags
        }
    }

    private static let pageLimit = 100

    /// `</v2/…>; rel="next"`: a path of the same registry, nothing else.
    private static func next(_ header: String?, origin: String) -> String? {
        guard let header, header.contains("rel=\"next\""), let start = header.firstIndex(of: "<"),
            let end = header.firstIndex(of: ">"), start < end
        else { return nil }
        let target = String(header[header.index(after: start)..<end])
        if target.hasPrefix("/"), !target.hasPrefix("//") { return origin + target }
        return target.hasPrefix(origin + "/") ? target : nil
    }

    package static func sha256(_ bytes: [UInt8]) -> Primitives.Digest {
        Primitives.Digest(sha256: SHA256.hash(data: bytes))
    }

    private func translated<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as RegistryError {
            switch error.status {
            case 404: throw UpstreamError.notFound
            case 429, 500...: throw UpstreamError.unavailable(error.message)
            default: throw UpstreamError.refused(error.message)
            }
        } catch let error where !(error is CancellationError || error is UpstreamError) {
            throw UpstreamError.unavailable("\(error)")
        }
    }

    /// A blob's bytes as they come in.
    package struct BlobStream: Sendable {
        /// What the registry says; nil when it does not.
        package let length: Int64?
        let body: HTTPClientResponse.Body

        /// Hands over piece after piece; a slow reader slows the registry.
        package func forEach(_ take: ([UInt8]) async throws -> Void) async throws {
            var failure: (any Error)?
            do {
                for try await buffer in body {
                    do { try await take(Array(buffer.readableBytesView)) } catch {
                        failure = error
                        throw error
                    }
                }
            } catch {
                // What went wrong here is not the registry's fault.
                if let failure { throw failure }
                if error is CancellationError { throw error }
                throw UpstreamError.unavailable("\(error)")
            }
        }
    }
}
