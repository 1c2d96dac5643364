// SPDX-License-Identifier: Apache-2.0
// A container's log as a source of output chunks.
import Synchronization
import Tasks

/// Turns batches of log lines into chunks: neighbouring lines of one stream travel together.
final class LogSource: OutputSource {
    let isRaw: Bool
    private let reader: LogReader
    private let pending = Mutex<[OutputChunk]>([])

    init(reader: LogReader, isRaw: Bool) {
        self.reader = reader
        self.isRaw = isRaw
    }

    func next() async throws -> OutputChunk? {
        if let chunk = take() { return chunk }
        guard let batch = try await reader.nextBatch() else { return nil }
        pending.withLock { $0 = Self.chunks(batch).reversed() }
        return take()
    }

    func close() async { reader.close() }

    deinit { reader.close() }

    private func take() -> OutputChunk? { pending.withLock { $0.popLast() } }

    private static func chunks(_ batch: LogBatch) -> [OutputChunk] {
        var chunks: [OutputChunk] = []
        var start = 0
        while start < batch.lines.count {
            let first = batch.lines[start]
            var end = start + 1
            var upper = first.range.upperBound
            while end < batch.lines.count, batch.lines[end].isStderr == first.isStderr,
                batch.lines[end].range.lowerBound == upper, upper - first.range.lowerBound < 48 * 1024
            {
                upper = batch.lines[end].range.upperBound
                end += 1
            }
            chunks.append(
                OutputChunk(
                    kind: first.isStderr ? .stderr : .stdout,
                    bytes: Array(batch.bytes[first.range.lowerBound..<upper])))
            start = end
        }
        return chunks
    }
}
