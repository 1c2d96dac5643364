// SPDX-License-Identifier: Apache-2.0
// A conversation with rtnetlink: requests go out, replies and acknowledgements come back in order.
import CLinux
import Glibc
import Linux
import Synchronization

/// A netlink socket, bound to the network namespace of the thread that makes it, wherever it is used later.
/// Calls block for the kernel's work (microseconds to milliseconds) and are serialised.
package final class NetlinkSocket: Sendable {
    private struct State: ~Copyable {
        let descriptor: OwnedFD
        var sequence: UInt32 = 0
    }

    private let state: Mutex<State>

    package init() throws {
        let raw = try check("socket") {
            socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
        let descriptor = OwnedFD(raw)
        // SOL_NETLINK: capped and extended acknowledgements carry the kernel's words instead of our own request.
        var on: Int32 = 1
        for option: Int32 in [10, 11] { setsockopt(raw, 270, option, &on, socklen_t(MemoryLayout<Int32>.size)) }
        // sockaddr_nl with port 0: the kernel chooses, so that a process may have many sockets.
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_NETLINK)
        try check("bind") { apus_bind(raw, &address, 12) }
        state = Mutex(State(descriptor: descriptor))
    }

    /// Sends a request that the kernel acknowledges. `name` says in errors what was asked.
    package func perform(_ name: @autoclosure () -> String, _ message: NetlinkMessage) throws {
        _ = try exchange(name(), message)
    }

    /// Sends a request and collects its replies, also those in several parts. A dump that was interrupted by a change
    /// is repeated.
    package func query(_ name: @autoclosure () -> String, _ message: NetlinkMessage) throws -> [NetlinkReply] {
        for _ in 0..<8 {
            let (replies, interrupted) = try exchange(name(), message)
            if !interrupted { return replies }
        }
        throw NetlinkError(request: name(), code: EINTR, explanation: "the table keeps changing")
    }

    private func exchange(
        _ name: String, _ message: NetlinkMessage
    ) throws -> (replies: [NetlinkReply], interrupted: Bool) {
        try state.withLock { state in
            state.sequence &+= 1
            let sequence = state.sequence
            let raw = state.descriptor.raw
            let bytes = message.encoded(sequence: sequence)
            try checkLength("send") { bytes.withUnsafeBytes { send(raw, $0.baseAddress, $0.count, 0) } }
            var replies: [NetlinkReply] = []
            var interrupted = false
            while true {
                for reply in NetlinkReply.split(try Self.receive(raw)) where reply.sequence == sequence {
                    interrupted = interrupted || reply.flags & 0x10 != 0
                    switch reply.type {
                    case 2:  // NLMSG_ERROR, which is also the acknowledgement
                        let code = reply.payload.number(at: 0, as: Int32.self) ?? -EPROTO
                        if code == 0 { return (replies, interrupted) }
                        throw NetlinkError(request: name, code: -code, explanation: Self.explanation(reply))
                    case 3:  // NLMSG_DONE
                        return (replies, interrupted)
                    default:
                        replies.append(reply)
                        // A single answer to a plain get: no acknowledgement follows unless asked for.
                        if reply.flags & 0x2 == 0, !message.flags.contains(.acknowledge) {
                            return (replies, interrupted)
                        }
                    }
                }
            }
        }
    }

    private static func receive(_ raw: Int32) throws -> [UInt8] {
        // With MSG_TRUNC the kernel tells the true length, so that no reply is cut.
        let length = try checkLength("recv") {
            recv(raw, nil, 0, Int32(MSG_PEEK) | Int32(MSG_TRUNC))
        }
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(length, 1)) { buffer, used in
            do throws(Errno) {
                used = try checkLength("recv") { recv(raw, buffer.baseAddress, buffer.count, 0) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private static func explanation(_ reply: NetlinkReply) -> String? {
        guard reply.flags & 0x200 != 0 else { return nil }
        // errno, then our header (capped), then the attributes: NLMSGERR_ATTR_MSG is 1.
        return reply.attributes(after: 4 + NetlinkMessage.headerSize).string(1)
    }
}
