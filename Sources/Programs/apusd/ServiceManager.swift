// SPDX-License-Identifier: Apache-2.0
// Talking to systemd: readiness (sd_notify(3)) and sockets it opened for us (sd_listen_fds(3)).
import CLinux
import Glibc
import Primitives

/// Does nothing where there is no systemd.
enum ServiceManager {
    static func notify(_ state: String) {
        guard let value = getenv("NOTIFY_SOCKET") else { return }
        let path = String(cString: value)
        var name = Array(path.utf8)
        guard !name.isEmpty, name.count < 108 else { return }
        // An abstract socket is written with an at sign.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { _ = close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(state.utf8)
        guard apus_connect(socket, &address, length) == 0 else { return }
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Descriptors handed over by systemd, for `fd://`.
    static func listeningDescriptors() throws -> [Int32] {
        guard let owner = getenv("LISTEN_PID").flatMap({ Int32(String(cString: $0)) }), owner == getpid(),
            let count = getenv("LISTEN_FDS").flatMap({ Int32(String(cString: $0)) }), count > 0, count < 64
        else {
            throw EngineError.invalidArgument(
                "no sockets found via socket activation: make sure the service was started by systemd")
        }
        let descriptors = Array(3..<(3 + count))
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptors
    }
}
