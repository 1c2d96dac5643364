// SPDX-License-Identifier: Apache-2.0
// The caller's ends of a process's streams.
import AsyncSystem
import CLinux
import Glibc
package import Linux
import Synchronization

/// Streams of an attached process; those not asked for are nil. With a terminal `stdout` carries all output.
package struct TaskStreams: Sendable {
    package let stdin: TaskStream?
    package let stdout: TaskStream?
    package let stderr: TaskStream?

    package init(stdin: TaskStream? = nil, stdout: TaskStream? = nil, stderr: TaskStream? = nil) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
    }

    /// Ends all of them, waking whoever reads or writes.
    package func close() {
        stdin?.close()
        stdout?.close()
        stderr?.close()
    }
}

/// One end of a stream socket whose other end the shim holds. One reader and one writer at a time.
package final class TaskStream: Sendable {
    private let descriptor: OwnedFD
    private let isClosed = Atomic(false)

    /// Takes a connected stream socket and makes it non-blocking.
    package init(_ descriptor: consuming OwnedFD) {
        let flags = fcntl(descriptor.raw, F_GETFL)
        _ = fcntl(descriptor.raw, F_SETFL, flags | O_NONBLOCK)
        self.descriptor = descriptor
    }

    /// A pair: ours, and the one for the shim.
    static func pair() throws(Errno) -> (TaskStream, Int32) {
        var ends: [Int32] = [-1, -1]
        try check("socketpair") {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (TaskStream(OwnedFD(ends[0])), ends[1])
    }

    /// The next bytes, at most `maximum`; nil at the end of the stream or after `close`.
    package func read(maximum: Int = 64 * 1024) async throws -> [UInt8]? {
        while true {
            if isClosed.load(ordering: .acquiring) { return nil }
            let raw = descriptor.raw
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, used in
                let count = recv(raw, buffer.baseAddress, buffer.count, 0)
                if count < 0 { failure = errno }
                used = max(count, 0)
            }
            switch failure {
            case 0: return bytes.isEmpty ? nil : bytes
            case EAGAIN: try await Reactor.shared.readable(raw)
            case EINTR: continue
            case ECONNRESET: return nil
            default: throw Errno(call: "recv", code: failure)
            }
        }
    }

    /// Writes all bytes; suspends while the container does not read. Throws EPIPE once the other side has gone.
    package func write(_ bytes: [UInt8]) async throws {
        var offset = 0
        while offset < bytes.count {
            if isClosed.load(ordering: .acquiring) { throw Errno(call: "send", code: EPIPE) }
            let raw = descriptor.raw
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { send(raw, $0 + offset, buffer.count - offset, Int32(MSG_NOSIGNAL)) } ?? 0
            }
            if count >= 0 {
                offset += count
                continue
            }
            switch errno {
            case EAGAIN: try await Reactor.shared.writable(raw)
            case EINTR: continue
            case let code: throw Errno(call: "send", code: code)
            }
        }
    }

    /// Ends the stream: the shim sees the end of input or a lost reader, a suspended `read` gives nil. May be called
    /// twice.
    /// The descriptor itself lives as long as this object, so that nobody waits on a number that was given away.
    package func close() {
        isClosed.store(true, ordering: .releasing)
        _ = shutdown(descriptor.raw, Int32(SHUT_RDWR))
    }
}
