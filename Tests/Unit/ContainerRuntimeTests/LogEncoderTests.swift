// SPDX-License-Identifier: Apache-2.0
// Output as Docker's json-file writes it.
import ContainerRuntime
import JSON
import Primitives
import Testing

struct LogEncoderTests {
    private func encode(_ chunks: [[UInt8]]) -> String {
        var encoder = LogEncoder(stream: "stdout")
        var out: [UInt8] = []
        var clock = LogClock()
        let now = Timestamp(seconds: 0)
        for chunk in chunks { chunk.withUnsafeBufferPointer { encoder.append($0, at: now, &clock, to: &out) } }
        encoder.finish(at: now, &clock, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// The `count`th line of one moment.
    private func line(_ text: String, _ count: Int = 0) -> String {
        "{\"log\":\"\(text)\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00.00000000\(count)Z\"}\n"
    }

    @Test(arguments: [
        ("a\n", #"a\n"#), ("\"\\\r\n", #"\"\\\r\n"#), ("<&>\n", #"\u003c\u0026\u003e\n"#),
        ("\t\u{1b}[0m\n", #"\u0009\u001b[0m\n"#),
        ("é\u{2028}😀\n", #"é\u2028😀\n"#), ("\u{7f}\n", "\u{7f}\\n"), ("end", "end"),
    ])
    func escapes(_ text: String, _ expected: String) {
        #expect(encode([Array(text.utf8)]) == line(expected))
    }

    @Test func replacesEachBrokenByte() {
        #expect(
            encode([[0xff, 0xe2, 0x28, 0xc0, 0x80, 0xed, 0xa0, 0x80, 10]])
                == line(
                    #"\ufffd\ufffd(\ufffd\ufffd\ufffd\ufffd\ufffd\n"#))
    }

    @Test func joinsChunksAndSplitsLongLines() {
        let long = [UInt8](repeating: 97, count: LogEncoder.lineLimit)
        #expect(
            encode([Array("on".utf8), Array("e\ntwo".utf8), Array("\n".utf8)]) == line(#"one\n"#) + line(#"two\n"#, 1))
        let text = String(decoding: long, as: UTF8.self)
        #expect(encode([long + [98, 10]]) == line(text) + line(#"b\n"#, 1))
        #expect(encode([Array(long.prefix(100)), Array(long.dropFirst(100)), [10]]) == line(text) + line(#"\n"#, 1))
    }

    @Test func timesGrowWhateverTheClockSays() {
        var clock = LogClock()
        var out: [UInt8] = []
        for now in [Timestamp(seconds: 5, nanoseconds: 999_999_999), Timestamp(seconds: 5), Timestamp(seconds: 7)] {
            clock.append(now, to: &out)
        }
        let expected =
            "1970-01-01T00:00:05.999999999Z" + "1970-01-01T00:00:06.000000000Z" + "1970-01-01T00:00:07.000000000Z"
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }
}
