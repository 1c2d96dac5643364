// SPDX-License-Identifier: Apache-2.0
// A message in place of a process's output.
import Synchronization

/// Gives one chunk on stdout and ends.
final class TextSource: OutputSource {
    let isRaw: Bool
    private let text: Mutex<String?>

    init(_ text: String, isRaw: Bool) {
        self.text = Mutex(text)
        self.isRaw = isRaw
    }

    func next() async throws -> OutputChunk? {
        let rest = text.withLock { text in
            defer { text = nil }
            return text
        }
        return rest.map { OutputChunk(kind: .stdout, bytes: Array($0.utf8)) }
    }

    func close() async { text.withLock { $0 = nil } }
}
