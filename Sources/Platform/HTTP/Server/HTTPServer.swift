// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on SwiftNIO: listeners, connections, one handler call per request (RFC 9110, RFC 9112).
package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Primitives
import Synchronization

/// Where a server listens.
package enum ListenAddress: Sendable, Equatable {
    /// A unix socket with mode 0660; `group` owns it when given.
    case unix(path: String, group: UInt32?)
    case tcp(host: String, port: Int)
    case tls(host: String, port: Int, TLSFiles)
    /// A listening socket that somebody else opened (systemd's socket activation, sd_listen_fds(3)).
    case descriptor(Int32)

    /// Whether it is a socket with a name in the file system.
    package var isPath: Bool {
        if case .unix = self { true } else { false }
    }
}

/// Paths of PEM files.
package struct TLSFiles: Sendable, Equatable {
    package var certificate: String
    package var key: String
    package var authority: String?
    /// Clients must show a certificate of `authority`.
    package var verifiesClients: Bool

    package init(certificate: String, key: String, authority: String?, verifiesClients: Bool) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self.verifiesClients = verifiesClients
    }
}

/// Serves requests on any number of addresses.
package final class HTTPServer: Sendable {
    private typealias Accepted = (channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, watch: ConnectionWatch)
    package typealias Handler = @Sendable (HTTPRequest, HTTPResponder) async throws -> Void

    private let handler: Handler
    private let common: [(String, String)]
    private let logger: Logger
    private struct State {
        var listeners: [any Channel] = []
        var tasks: [Task<Void, Never>] = []
        var files: [UnixListener.File] = []
        var connections: [ObjectIdentifier: ConnectionWatch] = [:]
        var isClosing = false
    }

    private static let backlog: Int32 = 512
    private let state = Mutex(State())

    /// `common` header fields go out with every answer.
    package init(common: [(String, String)], logger: Logger, handler: @escaping Handler) {
        self.common = common
        self.logger = logger
        self.handler = handler
    }

    /// Starts to listen; returns when connections are accepted.
    package func listen(on address: ListenAddress) async throws {
        var tls: NIOSSLContext?
        if case .tls(_, _, let files) = address { tls = try Self.tlsContext(files) }
        let secured = tls
        let failures = AcceptFailures(logger)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { $0.pipeline.addHandler(failures) }
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Accepted> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let watch = ConnectionWatch(channel)
                if let secured { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: secured)) }
                try channel.pipeline.syncOperations.addHandler(watch)
                let wrapped = try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                return (wrapped, watch)
            }
        }
        let server: NIOAsyncChannel<Accepted, Never>
        switch address {
        case .unix(let path, let group):
            let listener = try UnixListener.open(path, group: group, backlog: Self.backlog)
            state.withLock { $0.files.append(listener.file) }
            server = try await bootstrap.bind(listener.descriptor, childChannelInitializer: initializer)
        case .tcp(let host, let port), .tls(let host, let port, _):
            do {
                server = try await bootstrap.bind(host: host, port: port, childChannelInitializer: initializer)
            } catch {
                throw EngineError.internalError("can't listen on \(host):\(port): \(error)", cause: error)
            }
        case .descriptor(let fd):
            server = try await bootstrap.bind(fd, childChannelInitializer: initializer)
        }
        let task = Task { await accept(server) }
        state.withLock {
            $0.listeners.append(server.channel)
            $0.tasks.append(task)
        }
    }

    /// Stops accepting and removes unix sockets; running requests may end within `limit`, then all connections are closed.
    package func close(limit: Duration = .seconds(5)) async {
        let old = state.withLock { state in
            let old = state
            state = State()
            state.connections = old.connections
            state.isClosing = true
            return old
        }
        for file in old.files { file.remove() }
        for listener in old.listeners {
            // A listener that is closed already is what is wanted.
            try? await listener.close()
        }
        for watch in old.connections.values { watch.shutDown() }
        let cutOff = Task {
            // Cancelled when all have ended before.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            for task in old.tasks { task.cancel() }
        }
        for task in old.tasks { await task.value }
        cutOff.cancel()
    }

    /// How many connections are open now.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// The listener outlives a lack of descriptors: NIO waits a second after such a failure of accept(2) and goes on.
    private func accept(_ server: NIOAsyncChannel<Accepted, Never>) async {
        do {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await (channel, watch) in connections {
                        group.addTask { await self.serve(channel, watch) }
                    }
                }
            }
        } catch is CancellationError {
            return
        } catch {
            logger.error("a listener ended", metadata: ["error": "\(error)"])
        }
    }

    private func serve(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ watch: ConnectionWatch) async {
        let isClosing = state.withLock { state in
            state.connections[ObjectIdentifier(watch)] = watch
            return state.isClosing
        }
        defer { state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(watch)) } }
        if isClosing { watch.shutDown() }
        do {
            try await Connection(channel: channel, watch: watch, common: common, handler: handler).serve()
        } catch {
            // The client went away, or the connection was cancelled at shutdown: nobody is left to tell.
            logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
    }

    private static func tlsContext(_ files: TLSFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        if files.verifiesClients {
            guard let authority = files.authority else {
                throw EngineError.invalidArgument("--tlsverify needs --tlscacert")
            }
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(authority)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
