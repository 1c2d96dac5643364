// SPDX-License-Identifier: Apache-2.0
// SEQPACKET unix sockets: whole packets, with descriptors riding along.
import CLinux
import Glibc

/// Verbs for unix sockets of type SOCK_SEQPACKET (unix(7)). A packet is at most `maximumPacket` bytes.
package enum PacketSocket {
    package static let maximumPacket = 128 * 1024

    /// One received packet; the receiver owns the descriptors.
    package struct Packet: Sendable {
        package var bytes: [UInt8]
        package var descriptors: [Int32]
    }

    package static func pair() throws(Errno) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        try check("socketpair") {
            socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (ends[0], ends[1])
    }

    /// Binds and listens. Paths beyond the 108 bytes of `sun_path` go through the folder's descriptor.
    package static func listen(path: String, backlog: Int32 = 16) throws(Errno) -> OwnedFD {
        let socket = try make()
        let raw = socket.raw
        _ = unlink(path)
        try withAddress(path) { address, length throws(Errno) in
            try check("bind") { apus_bind(raw, address, length) }
        }
        try check("listen") { Glibc.listen(raw, backlog) }
        return socket
    }

    package static func connect(path: String) throws(Errno) -> OwnedFD {
        let socket = try make()
        let raw = socket.raw
        try withAddress(path) { address, length throws(Errno) in
            try check("connect") { apus_connect(raw, address, length) }
        }
        return socket
    }

    package static func accept(_ listener: Int32) throws(Errno) -> OwnedFD {
        OwnedFD(try check("accept") { apus_accept(listener, Int32(SOCK_CLOEXEC.rawValue)) })
    }

    /// Sends one packet. With a full buffer a non-blocking socket fails with EAGAIN; nothing is sent then.
    package static func send(_ socket: Int32, _ bytes: [UInt8], descriptors: [Int32] = []) throws(Errno) {
        try checkLength("sendmsg") {
            bytes.withUnsafeBytes {
                apus_send_packet(socket, $0.baseAddress, $0.count, descriptors, Int32(descriptors.count), 0)
            }
        }
    }

    /// Receives one packet, or nil at the end of the stream.
    package static func receive(_ socket: Int32) throws(Errno) -> Packet? {
        var descriptors = [Int32](repeating: -1, count: 32)
        var count: Int32 = 0
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumPacket) { buffer, used in
            do throws(Errno) {
                used = try checkLength("recvmsg") {
                    count = 32
                    return apus_receive_packet(socket, buffer.baseAddress, buffer.count, &descriptors, &count, 0)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if bytes.isEmpty, count == 0 { return nil }
        return Packet(bytes: bytes, descriptors: Array(descriptors.prefix(Int(count))))
    }

    private static func make() throws(Errno) -> OwnedFD {
        OwnedFD(
            try check("socket") { socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafeRawPointer, socklen_t) throws(Errno) -> Void
    ) throws(Errno) {
        var name = Array(path.utf8)
        var folder: Int32 = -1
        defer { if folder >= 0 { _ = close(folder) } }
        if name.count > 107 {
            guard let slash = name.lastIndex(of: UInt8(ascii: "/")) else {
                throw Errno(call: "bind", code: ENAMETOOLONG)
            }
            let parent = String(decoding: name[..<slash], as: UTF8.self)
            folder = try check("open") { open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) }
            name = Array("/proc/self/fd/\(folder)/".utf8) + name[(slash + 1)...]
            guard name.count <= 107 else { throw Errno(call: "bind", code: ENAMETOOLONG) }
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        var failure: Errno?
        withUnsafeBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return }
            do throws(Errno) {
                try body(base, socklen_t(bytes.count))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
