// SPDX-License-Identifier: Apache-2.0
// Opening connections: unix sockets, TCP, TLS over TCP, and ssh with `docker system dial-stdio` at the far end.
import CLinux
import Glibc
import Linux

/// Turns an endpoint into connected sockets.
package struct Transport: Sendable {
    package let endpoint: HostEndpoint

    package init(endpoint: HostEndpoint) { self.endpoint = endpoint }

    package func connect() throws(ClientError) -> Connection {
        switch endpoint.address {
        case .unix(let path): return Connection(descriptor: try connectUnix(path))
        case .tcp(let host, let port):
            let socket = try connectTCP(host: host, port: port)
            guard let tls = endpoint.tls else { return Connection(descriptor: socket) }
            let bridge = try TLSBridge(socket: socket, host: host, files: tls)
            return Connection(descriptor: bridge.plainDescriptor, carrier: bridge)
        case .ssh(let user, let host, let port, let path):
            let process = try SSHProcess(user: user, host: host, port: port, path: path)
            return Connection(descriptor: process.descriptor, carrier: process)
        }
    }

    private func failure(_ code: Int32) -> ClientError {
        code == EACCES || code == EPERM
            ? .permissionDenied(endpoint: endpoint.text, reason: Errno.message(code))
            : .cannotConnect(endpoint: endpoint.text, reason: Errno.message(code))
    }

    private func connectUnix(_ path: String) throws(ClientError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < capacity else {
            throw .configuration("Unix socket path \"\(path)\" is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure(errno) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                apus_connect(descriptor, $0, UInt32(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result < 0 {
            let code = errno
            close(descriptor)
            throw failure(code)
        }
        return descriptor
    }

    private func connectTCP(host: String, port: String) throws(ClientError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, port, &hints, &list)
        guard status == 0 else {
            throw .cannotConnect(
                endpoint: endpoint.text, reason: "lookup \(host): \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(list) }
        var code: Int32 = ECONNREFUSED
        var next = list
        while let info = next {
            next = info.pointee.ai_next
            let descriptor = socket(
                info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue),
                info.pointee.ai_protocol)
            if descriptor < 0 {
                code = errno
                continue
            }
            if apus_connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 {
                var one: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
                setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(MemoryLayout<Int32>.size))
                return descriptor
            }
            code = errno
            close(descriptor)
        }
        throw failure(code)
    }
}
