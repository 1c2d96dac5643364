// SPDX-License-Identifier: Apache-2.0
// A running registry: folder, users, listeners, and garbage collection on a timer.
import AsyncSystem
import Distribution
import HTTP
import Linux
import Logging
import Primitives

/// Serves until it is closed. A crash at any moment leaves a folder that the next one opens.
final class RegistryService: Sendable {
    private let server: HTTPServer
    private let store: RegistryStore
    private let upstream: ProxyCache?
    private let metrics: RegistryMetrics
    private let options: RegistryOptions
    private let logger: Logger
    private let collection: Task<Void, Never>?

    /// Opens the folder and listens on all addresses, or on none.
    init(_ options: RegistryOptions, version: String, logger: Logger) async throws {
        self.options = options
        self.logger = logger
        store = try RegistryStore(root: options.root)
        metrics = RegistryMetrics()
        let access = try AccessControl(
            passwords: try options.htpasswd.map { try PasswordFile($0) }, rightsPath: options.rights,
            tokens: try AccessTokens(folder: store.folder, service: "apus-registry"), service: "apus-registry",
            isSecure: options.isSecure, logger: logger)
        upstream = try Self.upstream(options, store, logger)
        let router = RegistryRouter(
            context: RegistryContext(
                store: store, uploads: Uploads(store: store, limit: options.maximumUploads), access: access,
                upstream: upstream, metrics: metrics), logger: logger)
        server = HTTPServer(
            common: [
                ("Docker-Distribution-Api-Version", "registry/2.0"), ("X-Content-Type-Options", "nosniff"),
                ("Server", "apus-registry/\(version)"),
            ], logger: logger
        ) { request, responder in try await router.handle(request, responder) }
        let collector = GarbageCollector(store: store, grace: options.grace, uploadExpiry: options.uploadExpiry)
        collection = Self.timer(options, collector, metrics, logger)
        do {
            for address in options.listen { try await server.listen(on: address) }
        } catch {
            await close()
            throw error
        }
    }

    private static func upstream(
        _ options: RegistryOptions, _ store: RegistryStore, _ logger: Logger
    ) throws -> ProxyCache? {
        guard let url = options.proxy else { return nil }
        var credentials = Credentials()
        if let user = options.proxyUser, let file = options.proxyPasswordFile {
            let password = try TextFile.text(file)
            credentials = Credentials(
                username: user, password: password.hasSuffix("\n") ? String(password.dropLast()) : password)
        }
        return ProxyCache(
            upstream: try UpstreamRegistry(url: url, credentials: credentials), store: store, logger: logger)
    }

    /// One collection after another, on a thread of its own each: it may take long.
    private static func timer(
        _ options: RegistryOptions, _ collector: GarbageCollector, _ metrics: RegistryMetrics, _ logger: Logger
    ) -> Task<Void, Never>? {
        guard options.collectionInterval > 0 else { return nil }
        return Task {
            // Cancelled when the service is closed.
            while (try? await Task.sleep(for: .seconds(options.collectionInterval))) != nil {
                do {
                    let outcome = try await Blocking.onOwnThread { try collector.run() }
                    metrics.countCollection(outcome)
                    logger.info("garbage collection", metadata: ["removed": "\(outcome)"])
                    for name in outcome.damaged { logger.error("damaged manifest", metadata: ["manifest": "\(name)"]) }
                } catch {
                    logger.error("garbage collection failed", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Requests that run may end within some seconds.
    func close() async {
        collection?.cancel()
        await server.close()
        await upstream?.close()
    }
}
