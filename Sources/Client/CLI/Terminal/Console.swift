// SPDX-License-Identifier: Apache-2.0
// The standard streams of a command: buffered output, plain errors, and whether a person is looking.
import CLinux
import Glibc

/// Where a command writes. Tests make one that keeps what was written.
package final class Console {
    private var pending: [UInt8] = []
    /// In a test: everything written so far.
    package private(set) var captured: (out: String, err: String)?
    /// Why standard output takes no more: errno of the first write that failed.
    package private(set) var outputFailure: Int32?
    package let inputIsTerminal: Bool
    package let outputIsTerminal: Bool
    package let errorIsTerminal: Bool

    /// The streams of this process.
    package init() {
        inputIsTerminal = isatty(0) == 1
        outputIsTerminal = isatty(1) == 1
        errorIsTerminal = isatty(2) == 1
    }

    private init(captured: (String, String)) {
        self.captured = captured
        inputIsTerminal = false
        outputIsTerminal = false
        errorIsTerminal = false
    }

    package static func capturing() -> Console { Console(captured: ("", "")) }

    package func out(_ text: String) {
        if captured != nil {
            captured?.out += text
            return
        }
        pending.append(contentsOf: text.utf8)
        if pending.count > 65536 || outputIsTerminal { flush() }
    }

    package func line(_ text: String) { out(text + "\n") }

    package func out(bytes: some Collection<UInt8>) {
        if captured != nil { captured?.out += String(decoding: bytes, as: UTF8.self) }
        flush()
        if captured == nil { write(bytes) }
    }

    private func write(_ bytes: some Collection<UInt8>) {
        // After a failure nothing is written: the output would have a hole in it.
        guard outputFailure == nil else { return }
        if !Console.write(bytes, to: 1) { outputFailure = errno }
    }

    package func err(_ text: String) {
        if captured != nil { captured?.err += text }
        flush()
        if captured == nil { Console.write(Array(text.utf8), to: 2) }
    }

    package func err(bytes: some Collection<UInt8>) {
        if captured != nil { captured?.err += String(decoding: bytes, as: UTF8.self) }
        flush()
        if captured == nil { Console.write(bytes, to: 2) }
    }

    package func flush() {
        guard !pending.isEmpty else { return }
        write(pending)
        pending.removeAll(keepingCapacity: true)
    }

    /// All bytes, or as many as the reader takes before it goes away.
    @discardableResult
    package static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
        let array = ContiguousArray(bytes)
        return array.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                let count = Glibc.write(descriptor, raw.baseAddress?.advanced(by: offset), raw.count - offset)
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
    }

    /// Columns and rows of the terminal on `descriptor`; nil when it is none.
    package static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
