// SPDX-License-Identifier: Apache-2.0
// One connection to a daemon: a stream socket with a read buffer. Plain blocking calls; poll(2) where two things are awaited.
import Glibc
import Linux

/// A bidirectional byte stream. Whatever the transport is, `descriptor` is a socket of this process.
package final class Connection {
    package let descriptor: Int32
    private var buffer: [UInt8]
    private var position = 0
    private var end = 0
    private var isOpen = true
    /// Keeps what feeds the socket (TLS bridge, ssh process) alive as long as the connection.
    private let carrier: AnyObject?

    package init(descriptor: Int32, carrier: AnyObject? = nil) {
        self.descriptor = descriptor
        self.carrier = carrier
        buffer = [UInt8](repeating: 0, count: 32768)
    }

    deinit { close() }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        _ = Glibc.close(descriptor)
    }

    /// Bytes that arrived and were not consumed yet.
    package var bufferedCount: Int { end - position }

    /// Tells the daemon that no more bytes will follow; its own may still come.
    package func closeWrite() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    package func write(_ bytes: some Collection<UInt8>) throws(ClientError) {
        let sent: Bool? = bytes.withContiguousStorageIfAvailable { writeAll(UnsafeRawBufferPointer($0)) }
        let done = sent ?? Array(bytes).withUnsafeBytes { writeAll($0) }
        if !done { throw .transport("write to the daemon: \(Errno.message(errno))") }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = send(
                descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&poller, 1, -1)
                    continue
                }
                return false
            }
            offset += count
        }
        return true
    }

    /// Sends what the socket takes at once; for a descriptor in non-blocking mode. nil when the peer is gone.
    package func writeSome(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.withUnsafeBytes { raw in
            let count = send(
                descriptor, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            return errno == EAGAIN || errno == EINTR ? 0 : nil
        }
    }

    /// Fills the buffer with at least one more byte; false at the end of the stream.
    package func fill() throws(ClientError) -> Bool {
        if position == end {
            position = 0
            end = 0
        } else if end == buffer.count {
            if position > 0 {
                buffer.replaceSubrange(0..<(end - position), with: Array(buffer[position..<end]))
                end -= position
                position = 0
            } else {
                buffer.append(contentsOf: [UInt8](repeating: 0, count: buffer.count))
            }
        }
        while true {
            let start = end
            let count = buffer.withUnsafeMutableBytes { raw in
                recv(descriptor, raw.baseAddress?.advanced(by: start), raw.count - start, 0)
            }
            if count > 0 {
                end += count
                return true
            }
            if count == 0 { return false }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&poller, 1, -1)
            case ECONNRESET: return false
            default: throw .transport("read from the daemon: \(Errno.message(errno))")
            }
        }
    }

    /// Up to `maximum` bytes; nil at the end of the stream. Blocks only when the buffer is empty.
    package func read(maximum: Int) throws(ClientError) -> ArraySlice<UInt8>? {
        if position == end, try !fill() { return nil }
        let count = min(maximum, end - position)
        defer { position += count }
        return buffer[position..<(position + count)]
    }

    /// A line without its CRLF, at most 64 KiB long.
    package func readLine() throws(ClientError) -> String? {
        var scanned = position
        while true {
            if let newline = buffer[scanned..<end].firstIndex(of: 10) {
                var stop = newline
                if stop > position, buffer[stop - 1] == 13 { stop -= 1 }
                let line = String(decoding: buffer[position..<stop], as: UTF8.self)
                position = newline + 1
                return line
            }
            let length = end - position
            guard length < 65536 else { throw .transport("a header line of the daemon is too long") }
            if try !fill() {
                return length == 0 ? nil : try { () throws(ClientError) in throw .transport("unexpected EOF") }()
            }
            scanned = position + length
        }
    }
}
