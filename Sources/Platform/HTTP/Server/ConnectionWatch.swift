// SPDX-License-Identifier: Apache-2.0
// Notices a client that leaves while its request runs, and ends connections at shutdown.
import NIOCore
import Synchronization

/// Sits in a connection's pipeline and holds the request that runs on it. A handler that waits for events, log lines or an
/// exit would not notice otherwise that nobody listens any more: it neither reads nor writes.
final class ConnectionWatch: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private struct State {
        /// Counts requests, so that a delayed decision meets the request it was made for.
        var number = 0
        var cancel: (@Sendable () -> Void)?
        var mayBeHalfClosed = false
        var isEndless = false
        var isInputClosed = false
        var isGone = false
        var isClosing = false
    }

    /// A client that sent FIN right behind its request may still be waiting for the answer (`nc -N`): an ordinary request,
    /// which ends by itself, goes on. One that waits for something to happen is given up after this time.
    static let halfClosedGrace = TimeAmount.milliseconds(200)

    private let channel: any Channel
    private let state = Mutex(State())

    init(_ channel: any Channel) { self.channel = channel }

    /// The server is shutting down: the current request is the connection's last.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// A request is about to start. Its handler may say at once what it is, so this comes before.
    func prepare() {
        state.withLock { state in
            state.number += 1
            state.mayBeHalfClosed = false
            state.isEndless = false
        }
    }

    /// The request runs; `cancel` is called when its client has gone.
    func begin(_ cancel: @escaping @Sendable () -> Void) {
        let isGone = state.withLock { state in
            state.cancel = cancel
            return state.isGone
        }
        if isGone { cancel() }
    }

    func end() { state.withLock { $0.cancel = nil } }

    /// The connection is being taken over: its client may close its side and go on reading.
    func allowHalfClose() {
        state.withLock { $0.mayBeHalfClosed = true }
        markEndless()
    }

    /// The answer ends only when something happens, so a shutdown does not wait for it.
    func markEndless() {
        let (cancel, late) = state.withLock { state in
            state.isEndless = true
            return (state.isClosing ? state.cancel : nil, state.isInputClosed ? state.number : nil)
        }
        cancel?()
        if let late { giveUpLater(late) }
    }

    /// No further request on this connection; what runs may end unless it is endless.
    func shutDown() {
        let (cancel, isIdle) = state.withLock { state in
            state.isClosing = true
            return (state.isEndless ? state.cancel : nil, state.cancel == nil)
        }
        if isIdle { channel.close(promise: nil) } else { cancel?() }
    }

    /// Waits until the kernel has taken everything that was written: NIO drops what is pending when a connection closes whose
    /// client has closed its side already.
    func flush() async throws {
        try await withTaskCancellationHandler {
            try await channel.writeAndFlush(ByteBuffer()).get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            let number = state.withLock { state in
                state.isInputClosed = true
                return state.number
            }
            giveUpLater(number)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let cancel = state.withLock { state in
            state.isGone = true
            return state.cancel
        }
        cancel?()
        context.fireChannelInactive()
    }

    private func giveUpLater(_ number: Int) {
        channel.eventLoop.scheduleTask(in: Self.halfClosedGrace) {
            let cancel = self.state.withLock { state in
                state.number == number && state.isEndless && !state.mayBeHalfClosed ? state.cancel : nil
            }
            cancel?()
        }
    }
}
