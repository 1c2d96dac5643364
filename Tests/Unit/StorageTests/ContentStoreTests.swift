// SPDX-License-Identifier: Apache-2.0
// Blobs appear whole and right, or not at all.
import Glibc
import Primitives
import Storage
import Testing

@Suite struct ContentStoreTests {
    static let bytes = Array("some content".utf8)

    private func take(_ store: ContentStore, _ name: String, _ bytes: [UInt8], resume: Bool = false) throws -> Ingest {
        let ingest = try store.begin(name, resume: resume)
        try bytes.withUnsafeBytes { try ingest.write($0) }
        return ingest
    }

    @Test func publishesByDigest() throws {
        let fixture = try Fixture()
        let stored = try take(fixture.content, "a", Self.bytes).commit(expecting: digest(Self.bytes), size: 12)
        #expect(stored == digest(Self.bytes))
        #expect(try fixture.content.read(stored) == Self.bytes)
        #expect(fixture.content.size(stored) == 12)
        #expect(fixture.content.list() == [stored])
        #expect(fixture.leftovers.isEmpty)
    }

    static let wrong: [(Digest?, Int64?)] = [
        (nil, 11), (nil, 13), (digest([1]), nil), (digest([1]), 12), (digest(bytes), 0),
    ]

    @Test(arguments: wrong)
    func refusesWhatDoesNotMatch(_ expected: Digest?, _ size: Int64?) throws {
        let fixture = try Fixture()
        let ingest = try take(fixture.content, "a", Self.bytes)
        #expect(throws: EngineError.self) { try ingest.commit(expecting: expected, size: size) }
        #expect(fixture.leftovers.isEmpty)
        #expect(fixture.content.list().isEmpty)
    }

    /// The second writer of a name is refused, and takes nothing away from the first.
    @Test func oneWriterPerName() throws {
        let fixture = try Fixture()
        let first = try take(fixture.content, "a", Self.bytes)
        for resume in [true, false] {
            let error = #expect(throws: EngineError.self) { _ = try fixture.content.begin("a", resume: resume) }
            #expect(error?.kind == .conflict)
        }
        let stored = try first.commit(expecting: nil, size: nil)
        #expect(try fixture.content.read(stored) == Self.bytes)
    }

    @Test func manyWritersOfOneBlob() async throws {
        let fixture = try Fixture()
        let store = fixture.content
        let large = [UInt8](repeating: 7, count: 300_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<16 {
                group.addTask {
                    if index % 2 == 0 {
                        try store.put(large)
                    } else {
                        let ingest = try store.begin("load-\(index)", resume: false)
                        try large.withUnsafeBytes { try ingest.write($0) }
                        try ingest.commit(expecting: digest(large), size: nil)
                    }
                    #expect(try store.read(digest(large)) == large)
                }
            }
            try await group.waitForAll()
        }
        #expect(fixture.leftovers.isEmpty)
    }

    @Test func continuesWhereItStopped() throws {
        let fixture = try Fixture()
        do { _ = try take(fixture.content, "pull-a", Array(Self.bytes.prefix(5))) }
        let ingest = try take(fixture.content, "pull-a", Array(Self.bytes.dropFirst(5)), resume: true)
        var replayed: [UInt8] = []
        try ingest.replay { replayed += $0 }
        #expect(replayed == Self.bytes)
        #expect(try ingest.commit(expecting: digest(Self.bytes), size: 12) == digest(Self.bytes))
    }

    @Test func restartForgets() throws {
        let fixture = try Fixture()
        let ingest = try take(fixture.content, "a", Array("wrong and long".utf8))
        try ingest.restart()
        try Self.bytes.withUnsafeBytes { try ingest.write($0) }
        #expect(try ingest.commit(expecting: digest(Self.bytes), size: 12) == digest(Self.bytes))
    }

    /// At the next start only young downloads stay; folders of half-read archives go too.
    @Test func leftoversGoAtTheNextStart() throws {
        let fixture = try Fixture()
        let folder = fixture.folder + "/content/ingest"
        try write(folder + "/pull-young", [1])
        try write(folder + "/pull-old", [1])
        var times = [
            timespec(tv_sec: time(nil) - 90_000, tv_nsec: 0), timespec(tv_sec: time(nil) - 90_000, tv_nsec: 0),
        ]
        utimensat(AT_FDCWD, folder + "/pull-old", &times, 0)
        try write(folder + "/put-x", [1])
        mkdir(folder + "/load-x", 0o700)
        try write(folder + "/load-x/0", [1])
        _ = try ContentStore(folder: fixture.folder + "/content")
        #expect(fixture.leftovers == ["pull-young"])
    }

    @Test func readsAreBounded() throws {
        let fixture = try Fixture()
        let stored = try fixture.content.put(Self.bytes)
        #expect(throws: EngineError.self) { try fixture.content.read(stored, limit: 11) }
        #expect(throws: EngineError.self) { try fixture.content.read(digest([9])) }
    }
}
