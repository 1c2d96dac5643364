// SPDX-License-Identifier: Apache-2.0
// A hijacked connection and the person at the keyboard: one poll loop copies both ways, forwards signals and sizes.
import DockerClient
import Glibc

/// Copies between the standard streams and a container until the container's output ends or the user detaches.
final class StreamSession {
    struct Options {
        var tty = false
        var stdin = false
        var stdout = true
        var stderr = true
        var detachKeys: [UInt8] = DetachKeys.standard
        /// Called at SIGWINCH and at the start with the terminal's size.
        var resize: ((_ columns: Int, _ rows: Int) -> Void)?
        /// Called for every other signal; nil leaves signals alone.
        var forward: ((Int32) -> Void)?
    }

    enum Outcome: Equatable { case ended, detached }

    private let response: HTTPResponse
    private let options: Options
    private let console: Console
    private var demultiplexer = FrameReader()
    private var keys: DetachKeys
    private var pending: [UInt8] = []
    private var stdinOpen: Bool
    private var mustCloseWrite = false
    private var raw: RawTerminal?

    init(_ response: HTTPResponse, options: Options, console: Console) {
        self.response = response
        self.options = options
        self.console = console
        keys = DetachKeys(options.detachKeys)
        stdinOpen = options.stdin
    }

    /// `afterStart` runs once the loop is ready to copy (the container is started there).
    func run(afterStart: () throws -> Void = {}) throws -> Outcome {
        let takesTerminal = options.tty && options.stdin && console.inputIsTerminal
        var watched = (options.resize == nil ? [] : [SIGWINCH]) + (options.forward == nil ? [] : SignalPipe.forwarded)
        if takesTerminal { watched += RawTerminal.fatal.filter { !watched.contains($0) } }
        let signals = watched.isEmpty ? -1 : SignalPipe.open(watched)
        defer { if signals >= 0 { SignalPipe.close(signals, watched) } }
        raw = takesTerminal ? RawTerminal() : nil
        defer { raw?.restore() }
        try afterStart()
        reportSize()
        if !options.stdin, options.tty || options.stdout || options.stderr { mustCloseWrite = false }
        return try loop(signals)
    }

    private func loop(_ signals: Int32) throws -> Outcome {
        let connection = response.connection
        while true {
            if connection.bufferedCount > 0, try !copyOutput() { return .ended }
            var polls = [
                pollfd(fd: connection.descriptor, events: Int16(POLLIN | (pending.isEmpty ? 0 : POLLOUT)), revents: 0),
                pollfd(fd: stdinOpen && pending.isEmpty ? 0 : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&polls, 3, -1) < 0 {
                if errno == EINTR { continue }
                throw CommandError("poll: \(ErrnoText.current)")
            }
            if polls[2].revents != 0 { takeSignals(signals) }
            if polls[0].revents & Int16(POLLOUT) != 0 { sendPending() }
            if polls[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, try !copyOutput() { return .ended }
            if polls[1].revents != 0, readInput() { return .detached }
        }
    }

    private func takeSignals(_ descriptor: Int32) {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return }
        for byte in bytes[..<count] {
            let number = Int32(byte)
            if number == SIGWINCH {
                reportSize()
            } else if let forward = options.forward, SignalPipe.forwarded.contains(number) {
                forward(number)
            } else {
                die(of: number)
            }
        }
    }

    /// Gives the terminal back, then ends as if the signal had never been caught.
    private func die(of number: Int32) {
        raw?.restore()
        signal(number, SIG_DFL)
        kill(getpid(), number)
    }

    private func reportSize() {
        guard let resize = options.resize, let size = Console.size(of: 1) ?? Console.size(of: 0) else { return }
        resize(size.columns, size.rows)
    }

    private func sendPending() {
        guard let count = response.connection.writeSome(pending[...]) else {
            pending = []
            stdinOpen = false
            return
        }
        pending.removeFirst(count)
        if pending.isEmpty, mustCloseWrite {
            mustCloseWrite = false
            response.connection.closeWrite()
        }
    }

    /// True when the user typed the detach sequence.
    private func readInput() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 32768)
        let count = read(0, &bytes, bytes.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return false }
        if count <= 0 {
            stdinOpen = false
            if pending.isEmpty { response.connection.closeWrite() } else { mustCloseWrite = true }
            return false
        }
        if options.tty {
            let (pass, detached) = keys.filter(bytes[..<count])
            pending += pass
            sendPending()
            return detached
        }
        pending += bytes[..<count]
        sendPending()
        return false
    }

    /// False at the end of the container's output.
    private func copyOutput() throws -> Bool {
        let bytes: ArraySlice<UInt8>?
        do { bytes = try response.read() } catch { return false }
        guard let bytes else { return false }
        if options.tty {
            if options.stdout { console.out(bytes: bytes) }
            return console.outputFailure == nil
        }
        try demultiplexer.feed(bytes) { stream, payload in
            if stream == 2 {
                if options.stderr { console.err(bytes: payload) }
            } else if options.stdout {
                console.out(bytes: payload)
            }
        }
        return console.outputFailure == nil
    }
}
