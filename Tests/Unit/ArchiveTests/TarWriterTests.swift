// SPDX-License-Identifier: Apache-2.0
// What TarWriter writes, TarReader and GNU tar read back.
import Archive
import Testing

@Suite struct TarWriterTests {
    static let entries: [TarEntry] = [
        TarEntry(name: "plain", mode: 0o6755, uid: 1000, gid: 1000, modified: 1_700_000_000),
        TarEntry(name: PathBytes(String(repeating: "long/", count: 60) + "name"), size: 0),
        TarEntry(name: PathBytes(String(repeating: "n", count: 100))),
        TarEntry(name: PathBytes(String(repeating: "n", count: 101))),
        TarEntry(name: "größe"),
        TarEntry(name: PathBytes([0x66, 0xE9] as [UInt8])),
        TarEntry(name: "folder/", kind: .directory, mode: 0o1777),
        TarEntry(name: "hard", kind: .hardLink, linkName: "plain"),
        TarEntry(
            name: "soft", kind: .symbolicLink, mode: 0o777, linkName: PathBytes(String(repeating: "../", count: 50))),
        TarEntry(name: "null", kind: .characterDevice, mode: 0o666, deviceMajor: 1, deviceMinor: 3),
        TarEntry(name: "disk", kind: .blockDevice, deviceMajor: 259, deviceMinor: 65536),
        TarEntry(name: "pipe", kind: .fifo),
        TarEntry(name: "owner", uid: 4_294_967_294, gid: 3_000_000),
        TarEntry(name: "future", modified: 0o77777777777 + 1),
        TarEntry(name: "past", modified: -5, modifiedNanoseconds: 250_000_000),
        TarEntry(name: "nearly", modified: -1, modifiedNanoseconds: 999_999_999),
        TarEntry(name: "fine", modified: 12, modifiedNanoseconds: 1),
        TarEntry(
            name: "attributes",
            attributes: ["security.capability": [1, 0, 0, 2, 0, 10, 61, 0], "user.text": Array("a=b\nc".utf8)]),
    ]

    @Test(arguments: entries) func roundTrip(_ entry: TarEntry) throws {
        let read = try #require(try readTar(TarWriter.header(entry) + TarWriter.end).entries.first)
        #expect(read == entry)
    }

    @Test func contentIsPadded() throws {
        for size in [0, 1, 511, 512, 513, 1024] {
            let bytes = [UInt8](repeating: 5, count: size)
            let archive = TarWriter.member("a", bytes) + TarWriter.end
            #expect(archive.count % 512 == 0)
            #expect(try readTar(archive).contents == [bytes])
        }
    }

    /// A size of 8 GiB and more has no room in the header; the record says it.
    @Test func largeSizes() throws {
        let entry = TarEntry(name: "big", size: 1 << 40)
        var reader = TarReader(visitor: Collected())
        try TarWriter.header(entry).withUnsafeBytes { try reader.feed($0) }
        #expect(reader.visitor.entries.first?.size == 1 << 40)
        #expect(throws: TarError.truncated) { try reader.finish() }
    }

    /// Each length around a power of ten, where the record's own length grows by a digit.
    @Test func recordLengths() throws {
        for count in Array(80...110) + Array(980...1010) {
            let entry = TarEntry(name: "a", attributes: ["user.a": [UInt8](repeating: 65, count: count)])
            #expect(try readTar(TarWriter.header(entry)).entries.first == entry)
        }
    }
}

@Suite struct PathBytesTests {
    @Test(arguments: [
        ("a/b", ["a", "b"]), ("/a//b/", ["a", "b"]), ("./a/./b", ["a", "b"]), ("a/../b", ["b"]), ("a/..", []),
        ("", []), ("/", []), (".", []), ("...", ["..."]), ("a/..b", ["a", "..b"]),
    ]) func components(_ text: String, _ expected: [String]) {
        #expect(PathBytes(text).components == expected.map { PathBytes($0) })
    }

    @Test(arguments: ["..", "../a", "/../a", "a/../../b", "./..", "a/b/../../../c"]) func leadsOut(_ text: String) {
        #expect(PathBytes(text).components == nil)
    }
}
