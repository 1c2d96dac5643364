// SPDX-License-Identifier: Apache-2.0
// What accept(2) could not do, told to whoever reads the log.
import Logging
import NIOCore

/// Logs and passes on. NIO's own handler behind it waits a second after a lack of descriptors or memory and goes on; the
/// clients wait in the socket's queue.
final class AcceptFailures: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel

    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.warning("a connection could not be accepted", metadata: ["error": "\(error)"])
        context.fireErrorCaught(error)
    }
}
