// SPDX-License-Identifier: Apache-2.0
// sockaddr_in and sockaddr_in6 from our addresses and back.
import CLinux
import Glibc
import Primitives

/// An address and port in the form of the socket calls.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private let length: socklen_t

    init(_ address: IPAddress, _ port: UInt16) {
        length = socklen_t(address.isV4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
        // Family, port, then for IPv6 the flow label, then the address.
        withUnsafeMutableBytes(of: &storage) { raw in
            raw.storeBytes(of: UInt16(address.isV4 ? AF_INET : AF_INET6), as: UInt16.self)
            raw.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            let offset = address.isV4 ? 4 : 8
            for (position, byte) in address.bytes.enumerated() { raw[offset + position] = byte }
        }
    }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    mutating func withPointer<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        let length = length
        return withMutablePointer { body(UnsafePointer($0), length) }
    }

    mutating func withMutablePointer<T>(_ body: (UnsafeMutablePointer<sockaddr>) -> T) -> T {
        withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}
