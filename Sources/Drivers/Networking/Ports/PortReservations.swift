// SPDX-License-Identifier: Apache-2.0
// Host ports of published container ports: found, bound and held, so that nobody else gets them.
import CLinux
import Glibc
import Linux
import Primitives
import Synchronization

/// The sockets that hold published ports. They are bound, not connected to anything: the firewall takes packets away
/// before they reach a socket. A process that ends loses them; a restarted daemon reserves again.
final class PortReservations: Sendable {
    private struct Key: Hashable {
        var transport: PortProtocol
        var address: IPAddress
        var port: UInt16
    }

    private struct Held: Sendable {
        var descriptor: Int32
        var owner: String
    }

    private let held = Mutex<[Key: Held]>([:])

    init() {}

    deinit { held.withLock { for reservation in $0.values { close(reservation.descriptor) } } }

    /// Reserves every mapping or none. Blocks for microseconds.
    func reserve(
        _ mappings: [PortMapping], owner: String, container: IPAddress, defaultAddress: IPAddress?
    ) throws(EngineError) -> [PortBinding] {
        var bindings: [PortBinding] = []
        do throws(EngineError) {
            for mapping in mappings {
                bindings += try reserve(mapping, owner, container, mapping.hostAddress ?? defaultAddress)
            }
            return bindings
        } catch {
            release(owner: owner)
            throw error
        }
    }

    /// Frees every port of an endpoint.
    func release(owner: String) {
        held.withLock { held in
            for (key, reservation) in held where reservation.owner == owner {
                close(reservation.descriptor)
                held[key] = nil
            }
        }
    }

    /// A second descriptor for the socket that holds this binding.
    func duplicate(_ binding: PortBinding) throws -> OwnedFD? {
        let key = Key(transport: binding.transport, address: binding.hostAddress, port: binding.hostPort)
        return try held.withLock { held -> Int32? in
            guard let raw = held[key]?.descriptor else { return nil }
            return try check("fcntl") { fcntl(raw, F_DUPFD_CLOEXEC, 3) }
        }.map { OwnedFD($0) }
    }

    private func reserve(
        _ mapping: PortMapping, _ owner: String, _ container: IPAddress, _ address: IPAddress?
    ) throws(EngineError) -> [PortBinding] {
        let addresses = address.map { [$0] } ?? [.anyV4, .anyV6]
        if mapping.hostPort != 0 {
            let range = mapping.hostPort...max(mapping.hostPort, mapping.hostPortEnd ?? mapping.hostPort)
            var failure: EngineError?
            for port in range {
                do throws(EngineError) {
                    return try hold(mapping, owner, container, addresses, port)
                } catch {
                    failure = failure ?? error
                }
            }
            throw failure ?? NetworkErrors.portAllocated(addresses[0], mapping.hostPort)
        }
        // Any port: the kernel chooses for the first address, the others must follow it.
        var failure: EngineError?
        for _ in 0..<64 {
            do throws(EngineError) {
                return try hold(mapping, owner, container, addresses, 0)
            } catch {
                failure = error
            }
        }
        throw failure ?? NetworkErrors.portAllocated(addresses[0], 0)
    }

    private func hold(
        _ mapping: PortMapping, _ owner: String, _ container: IPAddress, _ addresses: [IPAddress], _ wanted: UInt16
    ) throws(EngineError) -> [PortBinding] {
        var port = wanted
        var taken: [(Key, Int32)] = []
        var failure: EngineError?
        for (position, address) in addresses.enumerated() {
            if port != 0, isHeld(mapping.transport, address, port) {
                failure = NetworkErrors.portAllocated(address, port)
                break
            }
            do throws(Errno) {
                let (descriptor, bound) = try Self.bind(mapping.transport, address, port)
                port = bound
                taken.append((Key(transport: mapping.transport, address: address, port: bound), descriptor))
            } catch {
                // A host without IPv6: the IPv4 half of "all addresses" is enough.
                let lacksFamily = [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.code)
                if position > 0, lacksFamily { continue }
                let reason = "\(Errno.message(error.code))"
                failure = NetworkErrors.bindFailed(address, port, mapping, container, reason)
                break
            }
        }
        if let failure {
            for (_, descriptor) in taken { close(descriptor) }
            throw failure
        }
        held.withLock { held in
            for (key, descriptor) in taken { held[key] = Held(descriptor: descriptor, owner: owner) }
        }
        return taken.map { key, _ in
            PortBinding(
                transport: key.transport, hostAddress: key.address, hostPort: key.port,
                containerPort: mapping.containerPort)
        }
    }

    /// Whether one of our own containers has the port: that is told in other words than a stranger's.
    private func isHeld(_ transport: PortProtocol, _ address: IPAddress, _ port: UInt16) -> Bool {
        held.withLock { held in
            held.keys.contains {
                $0.transport == transport && $0.port == port && $0.address.isV4 == address.isV4
                    && ($0.address == address || $0.address.isUnspecified || address.isUnspecified)
            }
        }
    }

    /// A bound socket and its port. Without SO_REUSEADDR, because two sockets with it could both hold the port; only
    /// where that fails (a server's connections in TIME_WAIT) with it, and listening, which is exclusive again.
    private static func bind(
        _ transport: PortProtocol, _ address: IPAddress, _ port: UInt16
    ) throws(Errno) -> (descriptor: Int32, port: UInt16) {
        do throws(Errno) {
            return try bind(transport, address, port, reuse: false)
        } catch {
            guard error.code == EADDRINUSE, transport == .tcp else { throw error }
            return try bind(transport, address, port, reuse: true)
        }
    }

    private static func bind(
        _ transport: PortProtocol, _ address: IPAddress, _ port: UInt16, reuse: Bool
    ) throws(Errno) -> (descriptor: Int32, port: UInt16) {
        let kind = transport == .udp ? Int32(SOCK_DGRAM.rawValue) : Int32(SOCK_STREAM.rawValue)
        let number = transport == .sctp ? Int32(IPPROTO_SCTP) : 0
        let family = address.isV4 ? AF_INET : AF_INET6
        let socket = OwnedFD(
            try check("socket") { Glibc.socket(family, kind | Int32(SOCK_CLOEXEC.rawValue), number) })
        let raw = socket.raw
        var on: Int32 = 1
        if address.isV6 { setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        if reuse { setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, 4) }
        var storage = SocketAddress(address, port)
        try check("bind") { storage.withPointer { apus_bind(raw, $0, $1) } }
        if reuse { try check("listen") { listen(raw, 0) } }
        if port == 0 {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            try check("getsockname") { storage.withMutablePointer { apus_getsockname(raw, $0, &length) } }
        }
        let bound = port == 0 ? storage.port : port
        return (socket.release(), bound)
    }
}
