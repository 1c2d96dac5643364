// SPDX-License-Identifier: Apache-2.0
// The daemon's door to registries: connections, policy, pulls and pushes.
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI
import Primitives
package import Storage

/// What a transfer tells while it runs, in Docker's words.
package enum TransferEvent: Sendable, Equatable {
    case status(id: String?, String)
    case progress(id: String, String, current: Int64, total: Int64)
    /// The digest and size of what was pushed.
    case pushed(tag: String, digest: String, size: Int64)
}

/// Takes events of a transfer; suspends while its reader is slow.
package typealias TransferSink = @Sendable (TransferEvent) async throws -> Void

/// Pulls and pushes. One for the daemon; `close` it at the end.
package final class Registries: Sendable {
    let images: ImageStore
    let policy: RegistryPolicy
    let secure: HTTPClient
    let insecure: HTTPClient
    let flights = Flights()

    package init(images: ImageStore, policy: RegistryPolicy) {
        self.images = images
        self.policy = policy
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(15), read: .seconds(60))
        configuration.redirectConfiguration = .follow(max: 5, allowCycles: false)
        configuration.decompression = .disabled
        // Else nobody would hear for a quarter of a minute that nobody listens there.
        configuration.connectionPool.retryConnectionEstablishment = false
        secure = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        var unverified = configuration
        unverified.tlsConfiguration = .makeClientConfiguration()
        unverified.tlsConfiguration?.certificateVerification = .none
        insecure = HTTPClient(eventLoopGroupProvider: .singleton, configuration: unverified)
    }

    package func close() async {
        // Shutting down a client that is shut down already is the only failure, and harmless.
        try? await secure.shutdown()
        try? await insecure.shutdown()
    }

    /// Runs `body` with the first endpoint of the domain that answers.
    func withClient<T: Sendable>(
        _ reference: ImageReference, _ credentials: Credentials, actions: String,
        _ body: (RegistryClient) async throws -> T
    ) async throws -> T {
        var failure: (any Error)?
        for endpoint in policy.endpoints(for: reference.domain, forPush: actions != "pull") {
            let client = RegistryClient(
                endpoint: endpoint, path: reference.path,
                credentials: endpoint.isMirror ? Credentials() : credentials,
                http: endpoint.isInsecure ? insecure : secure, actions: actions)
            do {
                return try await body(client)
            } catch let error as RegistryError {
                // The registry has answered; only a mirror's refusal sends us on, and that of a TLS server to plain HTTP.
                if endpoint.url.hasPrefix("http://"), error.status == 400, error.code.isEmpty {
                    failure = failure ?? error.engineError(reference.familiar, repository: reference.familiarName)
                    continue
                }
                if endpoint.url.hasSuffix("//" + reference.domain) {
                    throw error.engineError(reference.familiar, repository: reference.familiarName)
                }
                failure = failure ?? error.engineError(reference.familiar, repository: reference.familiarName)
            } catch let error as EngineError where error.message.hasPrefix("Get \"") {
                failure = failure ?? error
            }
        }
        throw failure ?? EngineError.internalError("no endpoint for \(reference.domain)")
    }

    /// Asks a registry whether credentials are good: `docker login`.
    package func verify(_ credentials: Credentials, registry: String) async throws {
        let domain = registry.isEmpty || registry.contains("index.docker.io") ? "docker.io" : Self.host(registry)
        var failure: (any Error)?
        for endpoint in policy.endpoints(for: domain, forPush: true) {
            let client = RegistryClient(
                endpoint: endpoint, path: "", credentials: credentials, http: endpoint.isInsecure ? insecure : secure)
            do {
                _ = try await client.send(.GET, endpoint.url + "/v2/", timeout: .seconds(30))
                return
            } catch let error as RegistryError {
                throw EngineError(
                    .unauthorized, "Get \"\(endpoint.url)/v2/\": unauthorized: \(error.message)", cause: error)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private static func host(_ address: String) -> String {
        var rest = Substring(address)
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        return String(rest.prefix { $0 != "/" })
    }
}

/// One at a time for each key: whoever comes second waits and finds the work done.
actor Flights {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    func enter(_ key: String) async {
        if waiting[key] == nil {
            waiting[key] = []
            return
        }
        await withCheckedContinuation { waiting[key]?.append($0) }
    }

    func leave(_ key: String) {
        guard var queue = waiting[key] else { return }
        if queue.isEmpty {
            waiting[key] = nil
        } else {
            let next = queue.removeFirst()
            waiting[key] = queue
            next.resume()
        }
    }
}
