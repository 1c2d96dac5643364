// SPDX-License-Identifier: Apache-2.0
// All streams of one process: pipes or a terminal, with their clients.
import Glibc
import Linux

/// Made before the process; `childStreams` is what the process gets.
final class ProcessStreams {
    private let loop: EventLoop
    private let log: LogFile?
    private let openStdin: Bool
    private let closesWithClient: Bool
    private var master: Int32 = -1
    private var input: InputStream?
    private var outputs: [OutputStream] = []
    /// The process's ends of the pipes, closed once it was cloned.
    private var childEnds: [Int32] = []
    let isTerminal: Bool
    /// Clients that came before the terminal did.
    private var early: [(input: Int32?, output: Int32?)] = []

    init(terminal: Bool, openStdin: Bool, closesWithClient: Bool, log: LogFile?, loop: EventLoop) throws {
        self.loop = loop
        self.log = log
        self.openStdin = openStdin
        self.closesWithClient = closesWithClient
        isTerminal = terminal
        if !terminal { try makePipes() }
    }

    private func makePipes() throws {
        if openStdin {
            let (reader, writer) = try OwnedFD.pipe().release()
            childEnds.append(reader)
            input = InputStream(writer, isTerminal: false, closesWithClient: closesWithClient, loop: loop)
        } else {
            childEnds.append(try OwnedFD.open("/dev/null", O_RDONLY).release())
        }
        for name in ["stdout", "stderr"] {
            let (reader, writer) = try OwnedFD.pipe().release()
            childEnds.append(writer)
            outputs.append(OutputStream(reader, name: name, log: log, loop: loop))
        }
    }

    var childStreams: StandardStreams {
        isTerminal ? .terminal : .descriptors(input: childEnds[0], output: childEnds[1], error: childEnds[2])
    }

    /// The process has its own copies now.
    func closeChildEnds() {
        for fd in childEnds { _ = close(fd) }
        childEnds = []
    }

    /// The terminal's master side has arrived from the process.
    func adopt(master: Int32) {
        self.master = master
        let output = OutputStream(master, name: "stdout", log: log, loop: loop, ownsDescriptor: false)
        let input = InputStream(master, isTerminal: true, closesWithClient: false, loop: loop)
        outputs = [output]
        self.input = input
        input.onWaiting = { [weak self] waiting in
            guard let self else { return }
            self.loop.change(self.master, waiting ? [.read, .write] : .read)
        }
        loop.watch(master, .read) { events in
            if events.contains(.write) { input.ready(events) }
            if !events.isDisjoint(with: [.read, .hangup, .error]) { output.readSome() }
        }
        for client in early { attach(input: client.input, output: client.output, error: nil) }
        early = []
    }

    /// Takes ownership of the descriptors.
    func attach(input client: Int32?, output: Int32?, error: Int32?) {
        if isTerminal && master < 0 && outputs.isEmpty {
            early.append((client, output ?? error))
            return
        }
        if let client {
            if openStdin, let input { input.add(client) } else { _ = close(client) }
        }
        for (name, fd) in [("stdout", output), ("stderr", error)] {
            guard let fd else { continue }
            let sink = OutputClient(fd, loop: loop)
            if let stream = outputs.first(where: { $0.name == name }) { stream.add(sink) } else { sink.finish() }
        }
    }

    func closeInput() { input?.close() }

    func resize(width: UInt16, height: UInt16) throws {
        guard master >= 0 else { throw RuntimeError(.invalid, "the process has no terminal") }
        try PseudoTerminal.resize(master, width: width, height: height)
    }

    /// The process has ended: the rest of its output is taken, its clients are let go when they have read it.
    func end() {
        closeChildEnds()
        for output in outputs { output.drain() }
        input?.shut()
        input = nil
        outputs = []
        for client in early { for fd in [client.input, client.output] { if let fd { _ = close(fd) } } }
        early = []
        if master >= 0 {
            loop.forget(master)
            _ = close(master)
            master = -1
        }
    }
}
