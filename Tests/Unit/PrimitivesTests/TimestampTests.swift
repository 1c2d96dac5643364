// SPDX-License-Identifier: Apache-2.0
// Times as Go prints and reads them.
import Primitives
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (Int64(0), Int32(0), "1970-01-01T00:00:00Z"),
        (1_136_214_245, 999_999_999, "2006-01-02T15:04:05.999999999Z"),
        (1_136_214_245, 120_000_000, "2006-01-02T15:04:05.12Z"),
        (951_782_400, 1, "2000-02-29T00:00:00.000000001Z"),
        (-1, 0, "1969-12-31T23:59:59Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        (4_102_444_800, 0, "2100-01-01T00:00:00Z"),
    ])
    func printsAndReadsBack(seconds: Int64, nanoseconds: Int32, text: String) {
        let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        #expect(time.rfc3339Nano == text)
        #expect(Timestamp(rfc3339: text) == time)
    }

    @Test func offsetsAreApplied() {
        #expect(Timestamp(rfc3339: "2006-01-02T17:04:05+02:00") == Timestamp(rfc3339: "2006-01-02T15:04:05Z"))
        #expect(Timestamp(rfc3339: "2006-01-02T10:04:05-05:00") == Timestamp(rfc3339: "2006-01-02T15:04:05Z"))
    }

    @Test(arguments: [
        "", "2006", "2006-13-02T15:04:05Z", "2006-01-02T15:04:05", "2006-01-02T15:04:05.Z", "2006-01-02T15:04:05Zx",
    ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func arithmeticCarries() {
        let time = Timestamp(seconds: 10, nanoseconds: 900_000_000)
        #expect(time.adding(nanoseconds: 200_000_000) == Timestamp(seconds: 11, nanoseconds: 100_000_000))
        #expect(time.adding(nanoseconds: -1_000_000_000) == Timestamp(seconds: 9, nanoseconds: 900_000_000))
        #expect(time.adding(nanoseconds: -900_000_001) == Timestamp(seconds: 9, nanoseconds: 999_999_999))
        #expect(Timestamp(unixNanoseconds: -1) == Timestamp(seconds: -1, nanoseconds: 999_999_999))
        #expect(Timestamp(unixNanoseconds: time.unixNanoseconds) == time)
    }
}
