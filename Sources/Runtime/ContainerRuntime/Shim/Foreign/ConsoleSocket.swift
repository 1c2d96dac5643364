// SPDX-License-Identifier: Apache-2.0
// The socket on which another runtime hands over a terminal: `--console-socket` of the OCI command line.
import CLinux
import Glibc
import Linux

/// Listens until one descriptor has come.
final class ConsoleSocket {
    /// For the runtime's command line: a path through this process's descriptor of the folder, as socket paths are short.
    let path: String
    private let file: String
    private let folder: OwnedFD
    private let listener: OwnedFD
    private let loop: EventLoop
    private let onTerminal: (Int32) -> Void
    private var connection: Int32 = -1
    private var isOpen = true

    init(folder path: String, name: String, loop: EventLoop, onTerminal: @escaping (Int32) -> Void) throws {
        self.loop = loop
        self.onTerminal = onTerminal
        folder = try OwnedFD.open(path, O_PATH | O_DIRECTORY)
        file = path + "/" + name
        self.path = "/proc/\(getpid())/fd/\(folder.raw)/\(name)"
        let raw = try check("socket") {
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | O_NONBLOCK, 0)
        }
        listener = OwnedFD(raw)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(self.path.utf8)
        guard bytes.count < 108 else { throw Errno(call: "bind", code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        _ = unlink(file)
        try check("bind") { withUnsafeBytes(of: &address) { apus_bind(raw, $0.baseAddress, socklen_t($0.count)) } }
        try check("listen") { Glibc.listen(raw, 1) }
        loop.watch(raw, .read) { [weak self] _ in self?.answer() }
    }

    deinit { finish() }

    private func answer() {
        guard connection < 0 else { return }
        connection = apus_accept(listener.raw, Int32(SOCK_CLOEXEC.rawValue))
        if connection >= 0 { loop.watch(connection, .read) { [weak self] _ in self?.receive() } }
    }

    private func receive() {
        guard connection >= 0 else { return }
        // A connection that breaks off brings no terminal: the call's own failure says why.
        let packet = try? PacketSocket.receive(connection)
        hangUp()
        guard var descriptors = packet?.descriptors, !descriptors.isEmpty else { return }
        let master = descriptors.removeFirst()
        for fd in descriptors { _ = Glibc.close(fd) }
        onTerminal(master)
    }

    private func hangUp() {
        guard connection >= 0 else { return }
        loop.forget(connection)
        _ = Glibc.close(connection)
        connection = -1
    }

    /// The runtime has ended: takes what it sent and was not read yet, and stops listening.
    func finish() {
        guard isOpen else { return }
        isOpen = false
        answer()
        var watched = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        if connection >= 0, poll(&watched, 1, 0) > 0 { receive() }
        hangUp()
        loop.forget(listener.raw)
        _ = unlink(file)
    }
}
