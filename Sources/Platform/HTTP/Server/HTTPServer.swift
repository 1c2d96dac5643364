// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on SwiftNIO: listeners, connections, one handler call per request (RFC 9110, RFC 9112).
import Glibc
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
    package typealias Handler = @Sendable (HTTPRequest, HTTPResponder) async throws -> Void

    private let handler: Handler
    private let common: [(String, String)]
    private let logger: Logger
    private let state = Mutex<(listeners: [any Channel], tasks: [Task<Void, Never>], paths: [String])>(([], [], []))

    /// `common` header fields go out with every answer.
    package init(common: [(String, String)], logger: Logger, handler: @escaping Handler) {
        self.common = common
        self.logger = logger
        self.handler = handler
    }

    /// Starts to listen; returns when connections are accepted.
    package func listen(on address: ListenAddress) async throws {
        var tls: NIOSSLContext?
        if case .tls(_, _, let files) = address { tls = try Self.context(files) }
        let secured = tls
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = {
            channel in
            channel.eventLoop.makeCompletedFuture {
                if let secured { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: secured)) }
                return try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
        let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
        switch address {
        case .unix(let path, let group):
            guard path.utf8.count < 108 else {
                throw EngineError.invalidArgument("the socket's path is longer than 107 bytes: \(path)")
            }
            try Self.removeStaleSocket(path)
            let old = umask(0o117)
            defer { umask(old) }
            server = try await bootstrap.bind(unixDomainSocketPath: path, childChannelInitializer: initializer)
            _ = chmod(path, 0o660)
            if let group { _ = chown(path, 0, group) }
            state.withLock { $0.paths.append(path) }
        case .tcp(let host, let port), .tls(let host, let port, _):
            server = try await bootstrap.bind(host: host, port: port, childChannelInitializer: initializer)
        case .descriptor(let fd):
            server = try await bootstrap.bind(fd, childChannelInitializer: initializer)
        }
        let task = Task { await accept(server) }
        state.withLock {
            $0.listeners.append(server.channel)
            $0.tasks.append(task)
        }
    }

    /// Stops accepting, removes unix sockets, ends all connections.
    package func close() async {
        let (listeners, tasks, paths) = state.withLock { state in
            defer { state = ([], [], []) }
            return state
        }
        for path in paths { unlink(path) }
        for listener in listeners {
            // A listener that is closed already is what is wanted.
            try? await listener.close()
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func accept(_ server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>) async {
        do {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections { group.addTask { await self.serve(connection) } }
                }
            }
        } catch is CancellationError {
            return
        } catch {
            logger.error("a listener ended", metadata: ["error": "\(error)"])
        }
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
        do {
            try await connection.executeThenClose { inbound, outbound in
                let reader = RequestReader(inbound.makeAsyncIterator())
                while try await self.exchange(reader, outbound, connection.channel) {}
                outbound.finish()
            }
        } catch {
            // The client went away, or the connection was cancelled at shutdown: nobody is left to tell.
            logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// One request and its answer; false when the connection ends afterwards.
    private func exchange(
        _ reader: RequestReader, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ channel: any Channel
    ) async throws -> Bool {
        let head: RequestReader.Head
        do {
            guard let next = try await reader.head() else { return false }
            head = next
        } catch let error as HTTPParseError {
            let body = "{\"message\":\"\(error.message)\"}\n"
            try await outbound.write(
                ByteBuffer(
                    string:
                        "HTTP/1.1 \(error.status) Bad Request\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                        + "Connection: close\r\n\r\n" + body))
            return false
        }
        let responder = HTTPResponder(
            outbound: outbound, reader: reader, isHead: head.method == "HEAD", isVersion10: head.isVersion10,
            common: common)
        let connectionHeader = head.headers["Connection"]?.lowercased() ?? ""
        if head.isVersion10 || connectionHeader == "close" { responder.closeAfterwards() }
        if head.headers["Expect"]?.lowercased() == "100-continue" {
            reader.onFirstBodyRead { try await responder.sendContinue() }
        }
        let parts = head.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let request = HTTPRequest(
            method: head.method, rawPath: String(parts[0]), query: parts.count > 1 ? URLText.query(parts[1]) : [],
            headers: head.headers, body: { try await reader.bodyChunk() })
        try await run(request, responder, channel)
        if responder.isHijacked { return false }
        guard await reader.finishBody() else { return false }
        return !responder.mustClose
    }

    /// Runs the handler; it is cancelled when the client closes the whole connection.
    private func run(_ request: HTTPRequest, _ responder: HTTPResponder, _ channel: any Channel) async throws {
        let work = Task { try await handler(request, responder) }
        channel.closeFuture.whenComplete { _ in work.cancel() }
        try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            work.cancel()
        }
    }

    /// A socket nobody listens on is a leftover of a killed daemon; one that answers belongs to another.
    private static func removeStaleSocket(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw EngineError.conflict("\(path) exists and is not a socket")
        }
        unlink(path)
    }

    private static func context(_ files: TLSFiles) throws -> NIOSSLContext {
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
