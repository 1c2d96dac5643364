// SPDX-License-Identifier: Apache-2.0
// Streams between the engine and whoever serves a client: pulled by the reader, so that a slow one slows only itself.

/// Which of a process's streams a chunk belongs to; the raw value is the first byte of Docker's multiplexed frame.
package enum StreamKind: UInt8, Sendable {
    case stdin = 0
    case stdout = 1
    case stderr = 2
}

/// Bytes of one stream.
package struct OutputChunk: Sendable {
    package let kind: StreamKind
    package let bytes: [UInt8]

    package init(kind: StreamKind, bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }
}

/// Output of a process or of its log. `next` suspends until there is more and gives nil at the end; one reader at a time.
package protocol OutputSource: Sendable {
    /// The process has a terminal: bytes are sent as they are, without frames.
    var isRaw: Bool { get }
    func next() async throws -> OutputChunk?
    /// Ends the stream early. Safe to call at any time and more than once; a suspended `next` then gives nil or throws.
    func close() async
}

/// An attached client of a process: its output, and its input if it asked for it.
package protocol ProcessConnection: OutputSource {
    /// Hands bytes to the process's stdin. Throws `DetachRequested` when they contained the detach keys.
    func write(_ bytes: [UInt8]) async throws
    /// The client will send nothing more (half-close).
    func closeInput() async
}

/// The client typed the detach keys: the connection ends and the process goes on.
package struct DetachRequested: Error {}

/// Bytes of a request body, pulled chunk by chunk; nil at the end.
package typealias ByteSource = @Sendable () async throws -> [UInt8]?

/// Takes bytes of an answer; suspends while the client is slow, throws when it has gone.
package typealias ByteSink = @Sendable ([UInt8]) async throws -> Void
