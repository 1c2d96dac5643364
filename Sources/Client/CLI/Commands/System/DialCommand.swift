// SPDX-License-Identifier: Apache-2.0
// `system dial-stdio`: standard input and output become a connection to the daemon; ssh:// endpoints run it far away.
import DockerClient
import Glibc

/// `apus system dial-stdio`.
enum DialCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let connection = try call.client().dial()
        var copies = [
            Copy(from: 0, to: connection.descriptor, isSocket: true), Copy(from: connection.descriptor, to: 1),
        ]
        // The daemon's end of the stream is the end; the caller's own is only passed on.
        while !copies[1].isOver {
            var polls = copies.flatMap { copy in
                [
                    pollfd(fd: copy.wantsInput ? copy.source : -1, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: copy.pending.isEmpty ? -1 : copy.target, events: Int16(POLLOUT), revents: 0),
                ]
            }
            if poll(&polls, nfds_t(polls.count), -1) < 0 {
                if errno == EINTR { continue }
                throw CommandError("poll: \(ErrnoText.current)")
            }
            for index in copies.indices {
                if polls[2 * index].revents != 0 { copies[index].take() }
                if polls[2 * index + 1].revents != 0 { copies[index].give() }
            }
        }
        return 0
    }

    /// One direction: a chunk is read when the one before it is gone.
    private struct Copy {
        let source: Int32
        let target: Int32
        let isSocket: Bool
        var pending: ArraySlice<UInt8> = []
        private var sawEnd = false
        private(set) var isOver = false

        init(from source: Int32, to target: Int32, isSocket: Bool = false) {
            self.source = source
            self.target = target
            self.isSocket = isSocket
        }

        var wantsInput: Bool { !sawEnd && pending.isEmpty }

        mutating func take() {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = read(source, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { return }
            if count > 0 { pending = bytes[..<count] } else { end() }
        }

        mutating func give() {
            let count = pending.withUnsafeBytes { raw in
                isSocket
                    ? send(target, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                    // What a pipe that polls writable takes without blocking; the other direction must not wait.
                    : write(target, raw.baseAddress, min(raw.count, 4096))
            }
            if count >= 0 {
                pending = pending.dropFirst(count)
            } else if errno != EINTR, errno != EAGAIN {
                pending = []
                end()
            }
        }

        private mutating func end() {
            sawEnd = true
            isOver = true
            if isSocket { shutdown(target, Int32(SHUT_WR)) }
        }
    }
}
