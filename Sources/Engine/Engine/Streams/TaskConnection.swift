// SPDX-License-Identifier: Apache-2.0
// A client attached to the streams of a task; it may attach before the task is there.
import Primitives
import Synchronization
import Tasks

/// Merges a task's output for one reader and passes on its input. The streams are delivered once, before the first byte of
/// the process: a client that attaches to a created container misses nothing.
final class TaskConnection: ProcessConnection {
    private struct State {
        var streams: TaskStreams?
        var keys: DetachKeys?
        var isClosed = false
        var inputEnded = false
        var waiting: [CheckedContinuation<TaskStreams?, Never>] = []
        var pumps: [Task<Void, Never>] = []
    }

    let isRaw: Bool
    let wantsStdin: Bool
    let wantsStdout: Bool
    let wantsStderr: Bool
    private let output = Handoff<OutputChunk>(capacity: 4)
    private let state: Mutex<State>
    private let onDetach: @Sendable () -> Void

    init(
        isRaw: Bool, stdin: Bool, stdout: Bool, stderr: Bool, keys: DetachKeys?,
        onDetach: @escaping @Sendable () -> Void = {}
    ) {
        self.isRaw = isRaw
        wantsStdin = stdin
        wantsStdout = stdout
        wantsStderr = stderr && !isRaw
        self.onDetach = onDetach
        state = Mutex(State(keys: keys))
    }

    /// Connects the streams; `history` is sent first, and the end is told only after `beforeEnd`. Called once.
    func deliver(
        _ streams: TaskStreams, history: (any OutputSource)? = nil, beforeEnd: @escaping @Sendable () async -> Void = {}
    ) {
        let (waiting, isClosed) = state.withLock { state in
            state.streams = streams
            defer { state.waiting = [] }
            return (state.waiting, state.isClosed)
        }
        for waiter in waiting { waiter.resume(returning: streams) }
        if isClosed {
            streams.close()
            return
        }
        let pump = Task { [output] in
            if let history { await Self.drain(history, to: output) }
            await withTaskGroup(of: Void.self) { group in
                if let stdout = streams.stdout { group.addTask { await Self.pump(stdout, .stdout, to: output) } }
                if let stderr = streams.stderr { group.addTask { await Self.pump(stderr, .stderr, to: output) } }
                if streams.stdout == nil, streams.stderr == nil { group.addTask { await self.untilInputEnds() } }
            }
            await beforeEnd()
            output.finish()
        }
        state.withLock { $0.pumps.append(pump) }
    }

    /// There will be no streams: the start failed, or only history is wanted.
    func end(history: (any OutputSource)? = nil) {
        let waiting = state.withLock { state in
            state.isClosed = history == nil
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume(returning: nil) }
        guard let history else { return output.finish() }
        let pump = Task { [output] in
            await Self.drain(history, to: output)
            output.finish()
        }
        state.withLock { $0.pumps.append(pump) }
    }

    func next() async throws -> OutputChunk? { await output.next() }

    func write(_ bytes: [UInt8]) async throws {
        guard wantsStdin, let stdin = await streams()?.stdin else { return }
        let (pass, detached) = state.withLock { state -> ([UInt8], Bool) in
            guard var keys = state.keys else { return (bytes, false) }
            defer { state.keys = keys }
            return keys.scan(bytes)
        }
        if !pass.isEmpty { try await stdin.write(pass) }
        if detached {
            onDetach()
            await close()
            throw DetachRequested()
        }
    }

    func closeInput() async {
        guard wantsStdin else { return }
        let isFirst = state.withLock { state in
            defer { state.inputEnded = true }
            return !state.inputEnded
        }
        if isFirst { await streams()?.stdin?.close() }
    }

    func close() async {
        let (streams, waiting, pumps) = state.withLock { state in
            state.isClosed = true
            defer {
                state.waiting = []
                state.pumps = []
            }
            return (state.streams, state.waiting, state.pumps)
        }
        for waiter in waiting { waiter.resume(returning: nil) }
        output.close()
        streams?.close()
        for pump in pumps { pump.cancel() }
    }

    private func streams() async -> TaskStreams? {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> TaskStreams?? in
                if let streams = state.streams { return streams }
                if state.isClosed { return .some(nil) }
                state.waiting.append(continuation)
                return .none
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// With neither output wanted the connection lasts as long as the shim keeps the input.
    private func untilInputEnds() async {
        guard let stdin = await streams()?.stdin else { return }
        // The input's other direction carries nothing but its end; a failure is an end, too.
        while (try? await stdin.read()) ?? nil != nil {}
    }

    private static func pump(_ stream: TaskStream, _ kind: StreamKind, to output: Handoff<OutputChunk>) async {
        // A failing read is the end of the stream: the shim has gone.
        while let bytes = (try? await stream.read()) ?? nil {
            guard await output.send(OutputChunk(kind: kind, bytes: bytes)) else { return }
        }
    }

    private static func drain(_ source: any OutputSource, to output: Handoff<OutputChunk>) async {
        // History that cannot be read ends early; the live stream follows all the same.
        while let chunk = (try? await source.next()) ?? nil {
            guard await output.send(chunk) else { break }
        }
        await source.close()
    }
}
