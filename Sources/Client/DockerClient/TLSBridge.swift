// SPDX-License-Identifier: Apache-2.0
// TLS for the blocking client: NIOSSL runs on one background thread, and plain bytes cross a socket pair.
import Glibc
import Linux
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// Encrypts a connected TCP socket. The HTTP code reads and writes `plainDescriptor` as if it were the daemon.
final class TLSBridge {
    let plainDescriptor: Int32
    private let group: MultiThreadedEventLoopGroup

    init(socket: Int32, host: String, files: HostEndpoint.TLSFiles) throws(ClientError) {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw .transport("socketpair: \(Errno.message(errno))")
        }
        plainDescriptor = pair[0]
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        do {
            let context = try NIOSSLContext(configuration: TLSBridge.configuration(files))
            let (tunnel, outer) = Glue.matchedPair()
            let handshake = group.next().makePromise(of: Void.self)
            let isAddress = TLSBridge.isAddress(host)
            let inner = pair[1]
            let remote = try ClientBootstrap(group: group)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.autoRead, value: false)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
                        try channel.pipeline.syncOperations.addHandlers([
                            handler, HandshakeWatch(done: handshake), outer.make(),
                        ])
                    }
                }
                .withConnectedSocket(socket)
                .wait()
            remote.read()
            _ = try ClientBootstrap(group: group)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.autoRead, value: false)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(tunnel.make())
                    }
                }
                .withConnectedSocket(inner)
                .flatMap { local in
                    local.read()
                    return handshake.futureResult
                }
                .wait()
        } catch {
            throw .transport("error during connect: TLS: \(error)")
        }
    }

    deinit { try? group.syncShutdownGracefully() }  // The process ends soon; a failed shutdown has no consequence.

    private static func configuration(_ files: HostEndpoint.TLSFiles) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if !files.verifies { configuration.certificateVerification = .none }
        if let authority = files.authority { configuration.trustRoots = .file(authority) }
        if let certificate = files.certificate, let key = files.key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        return configuration
    }

    private static func isAddress(_ host: String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET, host, &buffer) == 1 || inet_pton(AF_INET6, host, &buffer) == 1
    }
}

/// Succeeds when TLS is up, fails when the peer or the certificate is refused.
private final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let done: EventLoopPromise<Void>
    private var isOver = false

    init(done: EventLoopPromise<Void>) { self.done = done }

    private func settle(_ error: (any Error)?) {
        guard !isOver else { return }
        isOver = true
        if let error { done.fail(error) } else { done.succeed(()) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent { settle(nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        settle(error)
        context.close(promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if !isOver { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        settle(ChannelError.eof)
        context.fireChannelInactive()
    }
}

/// Copies between two channels of one event loop; reads only what the other side has taken, and passes half-closes on.
private final class Glue: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let box: Box
    private let isFirst: Bool
    private var context: ChannelHandlerContext?

    /// Where the two halves find each other. Touched on the bridge's only event loop, hence safe to share.
    final class Box: @unchecked Sendable {
        var first: Glue?
        var second: Glue?
    }

    /// Makes one half on the event loop.
    struct Half: Sendable {
        let box: Box
        let isFirst: Bool
        func make() -> Glue { Glue(box: box, isFirst: isFirst) }
    }

    static func matchedPair() -> (Half, Half) {
        let box = Box()
        return (Half(box: box, isFirst: true), Half(box: box, isFirst: false))
    }

    private init(box: Box, isFirst: Bool) {
        self.box = box
        self.isFirst = isFirst
        if isFirst { box.first = self } else { box.second = self }
    }

    private var partner: Glue? { isFirst ? box.second : box.first }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if isFirst { box.first = nil } else { box.second = nil }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let other = partner?.context else { return }
        other.flush()
        if other.channel.isWritable { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.context?.read() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { partner?.context?.close(mode: .output, promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
