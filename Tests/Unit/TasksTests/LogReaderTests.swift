// SPDX-License-Identifier: Apache-2.0
// Reading json-file logs: tails, times, streams, rotation, following.
import CLinux
import Glibc
import Linux
import Primitives
import Synchronization
import Testing

@testable import Tasks

/// A folder that goes away with the test.
private final class LogFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/apus-log-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var log: String { path + "/c-json.log" }

    func write(_ text: String, to name: String = "c-json.log", append: Bool = true) {
        let descriptor = open(path + "/" + name, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0o600)
        _ = text.withCString { Glibc.write(descriptor, $0, strlen($0)) }
        close(descriptor)
    }

    deinit {
        for name in ProcFile.names(path) { unlink(path + "/" + name) }
        rmdir(path)
    }
}

private func line(_ number: Int, stream: String = "stdout", text: String? = nil) -> String {
    let seconds = number < 10 ? "0\(number)" : "\(number)"
    return
        "{\"log\":\"\(text ?? "line \(number)")\\n\",\"stream\":\"\(stream)\","
        + "\"time\":\"2024-01-02T03:04:\(seconds).000000001Z\"}\n"
}

private func texts(_ reader: LogReader) async throws -> [String] {
    var out: [String] = []
    while let batch = try await reader.nextBatch() {
        out += batch.entries.map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    return out
}

private func query(_ change: (inout LogQuery) -> Void = { _ in }) -> LogQuery {
    var query = LogQuery()
    change(&query)
    return query
}

@Suite struct LogReaderTests {
    @Test(arguments: [0, 1, 3, 5, 9])
    func tail(_ wanted: Int) async throws {
        let folder = LogFolder()
        folder.write((1...5).map { line($0) }.joined())
        let reader = try LogReader(path: folder.log, query: query { $0.tail = wanted })
        #expect(try await texts(reader) == (1...5).suffix(wanted).map { "line \($0)\n" })
    }

    @Test func tailReachesIntoRotatedFiles() async throws {
        let folder = LogFolder()
        folder.write((1...3).map { line($0) }.joined(), to: "c-json.log.2")
        folder.write((4...6).map { line($0) }.joined(), to: "c-json.log.1")
        folder.write((7...8).map { line($0) }.joined())
        let reader = try LogReader(path: folder.log, query: query { $0.tail = 4 })
        #expect(try await texts(reader) == (5...8).map { "line \($0)\n" })
        let all = try LogReader(path: folder.log, query: LogQuery())
        #expect(try await texts(all) == (1...8).map { "line \($0)\n" })
    }

    @Test func longTail() async throws {
        let folder = LogFolder()
        let text = String(repeating: "x", count: 200)
        folder.write((1...9000).map { line($0 % 60, text: "\($0) \(text)") }.joined())
        let reader = try LogReader(path: folder.log, query: query { $0.tail = 5000 })
        let found = try await texts(reader)
        #expect(found.count == 5000)
        #expect(found.first?.hasPrefix("4001 ") == true)
        #expect(found.last?.hasPrefix("9000 ") == true)
    }

    @Test func timesAndStreams() async throws {
        let folder = LogFolder()
        folder.write(line(1) + line(2, stream: "stderr") + line(3) + line(4, stream: "stderr"))
        let since = try #require(Timestamp(rfc3339: "2024-01-02T03:04:02.000000001Z"))
        let until = try #require(Timestamp(rfc3339: "2024-01-02T03:04:03.000000001Z"))
        #expect(try await texts(LogReader(path: folder.log, query: query { $0.since = since })).count == 3)
        #expect(try await texts(LogReader(path: folder.log, query: query { $0.until = until })).count == 3)
        let oneLater = since.adding(nanoseconds: 1)
        #expect(try await texts(LogReader(path: folder.log, query: query { $0.since = oneLater })).count == 2)
        #expect(
            try await texts(LogReader(path: folder.log, query: query { $0.stdout = false })) == [
                "line 2\n", "line 4\n",
            ])
        let stamped = try LogReader(path: folder.log, query: query { ($0.tail, $0.timestamps) = (1, true) })
        #expect(try await texts(stamped) == ["2024-01-02T03:04:04.000000001Z line 4\n"])
    }

    @Test func tornLinesArePassedOver() async throws {
        let folder = LogFolder()
        folder.write(line(1) + "{\"log\":\"torn\n" + line(2) + "\n[]\n" + line(3) + "{\"log\":\"incomp")
        #expect(
            try await texts(LogReader(path: folder.log, query: LogQuery())) == ["line 1\n", "line 2\n", "line 3\n"])
    }

    @Test func escapes() async throws {
        let folder = LogFolder()
        folder.write(line(1, text: #"\u001b[1m\"q\" \\ \t ü \ud83d\ude00 \u003c"#))
        #expect(
            try await texts(LogReader(path: folder.log, query: LogQuery())) == ["\u{1B}[1m\"q\" \\ \t ü 😀 <\n"])
    }

    @Test(.timeLimit(.minutes(1))) func followPassesRotationAndEnds() async throws {
        let folder = LogFolder()
        folder.write(line(1))
        let (ended, end) = AsyncStream<Void>.makeStream()
        let reader = try LogReader(path: folder.log, query: LogQuery()) { for await _ in ended {} }
        var found: [String] = []
        func next() async throws {
            let batch = try #require(try await reader.nextBatch())
            found += batch.entries.map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        try await next()
        folder.write(line(2))
        try await next()
        folder.write(line(3))
        rename(folder.log, folder.log + ".1")
        folder.write(line(4))
        while found.count < 4 { try await next() }
        folder.write(line(5))
        end.finish()
        found += try await texts(reader)
        #expect(found == (1...5).map { "line \($0)\n" })
    }

    @Test(.timeLimit(.minutes(1))) func closeWakesAFollower() async throws {
        let folder = LogFolder()
        folder.write(line(1))
        let reader = try LogReader(path: folder.log, query: query { $0.tail = 0 }) {
            try? await Task.sleep(for: .seconds(3600))
        }
        async let found = texts(reader)
        reader.close()
        #expect(try await found.isEmpty)
    }
}
