// SPDX-License-Identifier: Apache-2.0
// Published ports through slirp4netns: its API socket takes one JSON request per connection (slirp4netns(1), "API socket").
import CLinux
import Glibc
import JSON
import Linux
import Primitives

package struct SlirpForwarder: PortForwarder {
    private let socket: String
    /// This namespace's end of slirp4netns' link.
    private static let guest = "10.0.2.100"

    package init(socket: String) { self.socket = socket }

    package func add(_ binding: PortBinding) throws {
        do {
            _ = try ask("add_hostfwd", Self.arguments(binding))
        } catch let error as Refusal {
            throw EngineError.internalError(Self.told(binding, error.message))
        }
    }

    package func remove(_ binding: PortBinding) throws {
        for forward in try forwards() where Self.matches(forward, binding) {
            if let id = forward["id"] { _ = try ask("remove_hostfwd", ["id": id]) }
        }
    }

    package func keep(only bindings: [PortBinding]) throws {
        let known = try forwards()
        for forward in known where !bindings.contains(where: { Self.matches(forward, $0) }) {
            if let id = forward["id"] { _ = try ask("remove_hostfwd", ["id": id]) }
        }
        for binding in bindings where !known.contains(where: { Self.matches($0, binding) }) { try add(binding) }
    }

    /// An answer that says no.
    private struct Refusal: Error { let message: String }

    private func forwards() throws -> [JSONObject] {
        try ask("list_hostfwd", [:])["entries"]?.array?.compactMap(\.object) ?? []
    }

    private static func matches(_ forward: JSONObject, _ binding: PortBinding) -> Bool {
        forward["proto"]?.string == binding.transport.rawValue
            && forward["host_port"]?.int == Int64(binding.hostPort)
            && forward["host_addr"]?.string == "\(binding.hostAddress)"
    }

    private static func arguments(_ binding: PortBinding) throws(EngineError) -> JSONObject {
        guard binding.transport != .sctp else {
            throw .notImplemented("SCTP ports cannot be published by a daemon without privileges")
        }
        guard binding.hostAddress.isV4 else {
            throw .notImplemented("ports on IPv6 addresses cannot be published by a daemon without privileges")
        }
        return [
            "proto": .string(binding.transport.rawValue), "host_addr": .string("\(binding.hostAddress)"),
            "host_port": .int(Int64(binding.hostPort)), "guest_addr": .string(guest),
            "guest_port": .int(Int64(binding.hostPort)),
        ]
    }

    private static func told(_ binding: PortBinding, _ reason: String) -> String {
        let place = "\(binding.hostAddress):\(binding.hostPort)"
        if binding.hostPort < 1024 {
            return "cannot expose privileged port \(binding.hostPort), you can add "
                + "'net.ipv4.ip_unprivileged_port_start=\(binding.hostPort)' to /etc/sysctl.conf (currently 1024), "
                + "or choose a larger port number (>= 1024): \(reason)"
        }
        return "failed to bind host port \(place)/\(binding.transport.rawValue): address already in use (\(reason))"
    }

    /// One request, one answer: slirp4netns reads to the end of what we send.
    private func ask(_ command: String, _ arguments: JSONObject) throws -> JSONObject {
        let request: JSONObject =
            arguments.isEmpty
            ? ["execute": .string(command)] : ["execute": .string(command), "arguments": .object(arguments)]
        let answer = try exchange(JSONValue.object(request).serialize())
        guard let object = try JSONValue.parse(answer).object else {
            throw EngineError.internalError("slirp4netns gave no answer to \(command)")
        }
        if let error = object["error"] { throw Refusal(message: error["desc"]?.string ?? error.text()) }
        return object["return"]?.object ?? object
    }

    private func exchange(_ request: [UInt8]) throws -> [UInt8] {
        let connection = OwnedFD(
            try check("socket") {
                Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
        let raw = connection.raw
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(socket.utf8)
        guard path.count < 108 else { throw Errno(call: "connect \(socket)", code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count + 1)
        guard apus_connect(raw, &address, length) == 0 else {
            throw EngineError.internalError(
                "slirp4netns, which carries published ports, does not answer: \(Errno.message(errno))")
        }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let sent = send(raw, request, request.count, Int32(MSG_NOSIGNAL))
        guard sent == request.count else { throw Errno(call: "send") }
        shutdown(raw, Int32(SHUT_WR))
        return try TextFile.bytes(of: raw, limit: 1 << 20)
    }
}
