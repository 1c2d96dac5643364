// SPDX-License-Identifier: Apache-2.0
// Images: archives that lie, names, save and load, collection.
import Archive
import Glibc
import JSON
import OCI
import Primitives
import Storage
import Synchronization
import Testing

@Suite(.enabled(if: isRoot, "unpacking sets owners: run it as root"))
struct ImageStoreTests {
    static let layer = tar([directory("etc"), file("etc/motd")], contents: ["etc/motd": Array("hello".utf8)])
    static let second = tar([file("etc/more")])

    static func configuration(_ diffs: [Digest]) -> [UInt8] {
        ImageConfiguration(platform: .host, created: "2026-01-01T00:00:00Z", diffIDs: diffs, config: ["Cmd": ["/x"]])
            .json.serialize()
    }

    static func stream(_ bytes: [UInt8], chunk: Int = 10_000) -> ByteStream {
        let rest = Mutex(bytes[...])
        return {
            rest.withLock { rest in
                let piece = Array(rest.prefix(chunk))
                rest = rest.dropFirst(piece.count)
                return piece.isEmpty ? nil : piece
            }
        }
    }

    /// An archive as `docker save` wrote it before version 25.
    static func archive(
        _ members: [(TarEntry, [UInt8])], config: String = "config.json", layers: [String] = ["1/layer.tar"],
        tags: [String] = ["test:1"]
    ) -> [UInt8] {
        let manifest: JSONValue = [
            [
                "Config": .string(config), "RepoTags": .array(tags.map { .string($0) }),
                "Layers": .array(layers.map { .string($0) }),
            ]
        ]
        var bytes: [UInt8] = []
        for (entry, content) in members + [(file("manifest.json"), manifest.serialize())] {
            var entry = entry
            entry.size = Int64(content.count)
            bytes += TarWriter.header(entry) + content + TarWriter.padding(for: entry.size)
        }
        return bytes + TarWriter.end
    }

    static let config = (file("config.json"), configuration([digest(layer)]))

    static let good: [(String, [UInt8])] = [
        ("old archive", archive([config, (file("1/layer.tar"), layer)])),
        ("compressed archive", gzip(archive([config, (file("1/layer.tar"), layer)]))),
        ("compressed layer", archive([config, (file("1/layer.tar"), gzip(layer))])),
        ("zstd layer", archive([config, (file("1/layer.tar"), zstd(layer))])),
        (
            "layer behind a link",
            archive([config, (file("0/layer.tar"), layer), (symlink("1/layer.tar", "../0/layer.tar"), [])])
        ),
        (
            "layer behind a hard link",
            archive([config, (file("0/layer.tar"), layer), (hardlink("1/layer.tar", "0/layer.tar"), [])])
        ),
        (
            "a name twice: the last counts",
            archive([
                (file("config.json"), [1]), (file("1/layer.tar"), [2]), config, (file("x"), [3]),
                (file("1/layer.tar"), layer),
            ])
        ),
    ]

    @Test(arguments: good) func loads(_ row: (String, [UInt8])) async throws {
        let fixture = try Fixture()
        let loaded = try await fixture.images.load(Self.stream(row.1))
        #expect(loaded.map(\.names.first?.familiar) == ["test:1"], "\(row.0)")
        let image = try fixture.images.resolve("test:1")
        #expect(image.configuration.diffIDs == [digest(Self.layer)])
        #expect(read("\(fixture.folder)/snapshots/\(digest(Self.layer).hex)/fs/etc/motd") == Array("hello".utf8))
        #expect(fixture.leftovers.isEmpty)
    }

    static let bad: [(String, [UInt8], String)] = [
        ("nothing", [], "does not contain a manifest.json"),
        ("no tar", [UInt8](repeating: 9, count: 2000), "invalid tar header"),
        ("truncated", Array(good[0].1.prefix(1500)), "unexpected EOF"),
        (
            "configuration outside", archive([(file("1/layer.tar"), layer)], config: "../../../../etc/passwd"),
            "is missing"
        ),
        (
            "configuration by absolute name", archive([(file("1/layer.tar"), layer)], config: "/etc/passwd"),
            "is missing"
        ),
        ("layer outside", archive([config], layers: ["../../../../etc/passwd"]), "is missing"),
        (
            "layer link outside", archive([config, (symlink("1/layer.tar", "../../../etc/passwd"), [])]),
            "leads out of the root"
        ),
        (
            "layer link to a file of the machine", archive([config, (symlink("1/layer.tar", "/etc/passwd"), [])]),
            "is missing"
        ),
        ("layer links in a circle", archive([config, (symlink("1/layer.tar", "layer.tar"), [])]), "is missing"),
        (
            "member outside", archive([config, (file("../../evil"), [1]), (file("1/layer.tar"), layer)]),
            "leads out of the root"
        ),
        (
            "device", archive([config, (TarEntry(name: "1/layer.tar", kind: .blockDevice, deviceMajor: 8), [])]),
            "special file"
        ),
        ("wrong layer", archive([config, (file("1/layer.tar"), second)]), "layer verification failed"),
        (
            "layer that gets out",
            archive([
                (file("config.json"), configuration([digest(tar([file("../x")]))])),
                (file("1/layer.tar"), tar([file("../x")])),
            ]), "leads out of the root"
        ),
        ("too few layers", archive([config, (file("1/layer.tar"), layer)], layers: []), "layers length mismatch"),
        (
            "manifest no JSON", tar([file("manifest.json")], contents: ["manifest.json": Array("{".utf8)]),
            "invalid manifest.json"
        ),
        (
            "manifest without fields", tar([file("manifest.json")], contents: ["manifest.json": Array("[{}]".utf8)]),
            "invalid manifest.json"
        ),
        (
            "configuration no JSON", archive([(file("config.json"), [0]), (file("1/layer.tar"), layer)]),
            "invalid image configuration"
        ),
        ("invalid name", archive([config, (file("1/layer.tar"), layer)], tags: ["../x"]), "invalid reference format"),
        (
            "OCI index naming a missing blob",
            tar(
                [file("index.json")],
                contents: [
                    "index.json": ImageIndex(manifests: [
                        Descriptor(mediaType: MediaType.ociManifest, digest: digest([1]), size: 1)
                    ]).json.serialize()
                ]), "is missing"
        ),
        (
            "OCI index with a digest that is a path",
            tar(
                [file("index.json")],
                contents: [
                    "index.json": Array(
                        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#.utf8)
                ]), "invalid checksum digest format"
        ),
        (
            "OCI blob that does not match",
            tar(
                [file("index.json"), file(PathBytes("blobs/sha256/" + digest([1]).hex))],
                contents: [
                    "index.json": ImageIndex(manifests: [
                        Descriptor(mediaType: MediaType.ociManifest, digest: digest([1]), size: 1)
                    ]).json.serialize(), "blobs/sha256/" + digest([1]).hex: [2],
                ]), "does not match its digest"
        ),
    ]

    @Test(arguments: bad) func refuses(_ row: (String, [UInt8], String)) async throws {
        let fixture = try Fixture()
        var text = "no error"
        do { _ = try await fixture.images.load(Self.stream(row.1)) } catch { text = "\(error)" }
        #expect(text.contains(row.2), "\(row.0): \(text)")
        #expect(fixture.leftovers.isEmpty, "\(row.0)")
        #expect(fixture.content.list().isEmpty, "\(row.0)")
        #expect(entries(fixture.folder + "/snapshots").isEmpty, "\(row.0)")
        #expect(try fixture.images.list().isEmpty, "\(row.0)")
    }

    private func two(_ fixture: Fixture) async throws {
        let diffs = [digest(Self.layer), digest(Self.second)]
        let both = Self.archive(
            [
                (file("config.json"), Self.configuration(diffs)), (file("1/layer.tar"), Self.layer),
                (file("2/layer.tar"), gzip(Self.second)),
            ],
            layers: ["1/layer.tar", "2/layer.tar"], tags: ["two:1", "other/two:x"])
        _ = try await fixture.images.load(Self.stream(both))
        _ = try await fixture.images.load(Self.stream(Self.good[0].1))
    }

    @Test func savedAndLoadedIsTheSame() async throws {
        let fixture = try Fixture()
        try await two(fixture)
        let images = [try fixture.images.resolve("two:1"), try fixture.images.resolve("test:1")]
        let saved = Mutex<[UInt8]>([])
        try await fixture.images.save(images.map { ($0, $0.tags) }) { bytes in saved.withLock { $0 += bytes } }
        let bytes = saved.withLock { $0 }
        let other = try Fixture()
        let loaded = try await other.images.load(Self.stream(bytes))
        #expect(loaded.map(\.image.id) == images.map(\.id))
        #expect(loaded.map(\.image.manifestDigest) == images.map(\.manifestDigest))
        #expect(loaded.map { Set($0.names) } == images.map { Set($0.tags) })
        // The same archive as an OCI layout alone.
        let layout = try Fixture()
        var reader = TarReader(visitor: Without(name: "manifest.json"))
        try bytes.withUnsafeBytes { try reader.feed($0) }
        let again = try await layout.images.load(Self.stream(reader.visitor.bytes + TarWriter.end))
        #expect(Set(again.map(\.image.id)) == Set(images.map(\.id)))
        for image in images { #expect(Set(try layout.images.get(image.id).tags) == Set(image.tags)) }
        #expect(layout.leftovers.isEmpty)
    }

    /// Copies an archive but for one member.
    struct Without: TarVisitor {
        let name: PathBytes
        var bytes: [UInt8] = []
        var size: Int64 = 0
        var isLeftOut = false

        init(name: PathBytes) { self.name = name }

        mutating func begin(_ entry: TarEntry) {
            isLeftOut = entry.name == name
            size = entry.size
            if !isLeftOut { bytes += TarWriter.header(entry) }
        }

        mutating func content(_ content: UnsafeRawBufferPointer) { if !isLeftOut { bytes += content } }

        mutating func end() { if !isLeftOut { bytes += TarWriter.padding(for: size) } }
    }

    @Test func deletingKeepsWhatOthersShare() async throws {
        let fixture = try Fixture()
        try await two(fixture)
        let images = fixture.images
        let id = try images.resolve("two:1").id
        #expect(try images.untag(ImageReference(parsing: "two:1")))
        #expect(try !images.untag(ImageReference(parsing: "two:1")))
        #expect(try images.get(id).tags.map(\.familiar) == ["other/two:x"])
        try images.tag(id, as: ImageReference(parsing: "test:1"))
        #expect(try images.resolve("test:1").id == id)
        let dangling = try #require(try images.list().first { $0.tags.isEmpty })
        #expect(try images.delete(dangling.id).layers.isEmpty)
        let gone = try images.delete(id)
        #expect(gone.layers == LayerStore.chains([digest(Self.layer), digest(Self.second)]).reversed())
        #expect(fixture.content.list().isEmpty)
        #expect(entries(fixture.folder + "/snapshots").isEmpty)
        let error = #expect(throws: EngineError.self) { try images.resolve("test:1") }
        #expect(error?.message == "No such image: test:1")
    }

    @Test func resolvesNamesBeforeIDs() async throws {
        let fixture = try Fixture()
        try await two(fixture)
        let images = fixture.images
        let id = try images.resolve("test:1").id
        for text in ["test:1", "docker.io/library/test:1", id.description, id.hex, id.short, "sha256:" + id.short] {
            #expect(try images.resolve(text).id == id, "\(text)")
        }
        let other = try images.resolve("two:1").id
        try images.tag(other, as: ImageReference(parsing: id.short + ":latest"))
        #expect(try images.resolve(id.short).id == other)
        #expect(try images.resolve("sha256:" + id.short).id == id)
        for text in ["*", "sha256:*", "a?", "sha256:", "", "ABC"] {
            #expect(throws: EngineError.self, "\(text)") { try images.resolve(text) }
        }
    }

    /// One damaged image neither hides the others nor lets its parts be collected.
    @Test func aDamagedImageStays() async throws {
        let fixture = try Fixture()
        try await two(fixture)
        let damaged = try fixture.images.resolve("two:1")
        fixture.content.remove(damaged.id)
        let images = try ImageStore(content: fixture.content, layers: fixture.layers, database: fixture.database)
        #expect(try images.list().map { $0.tags.map(\.familiar) } == [["test:1"]])
        #expect(throws: (any Error).self) { try images.collect() }
        #expect(
            kind("\(fixture.folder)/snapshots/\(LayerStore.chains(damaged.configuration.diffIDs)[1].hex)/fs")
                == "folder")
    }

    @Test func importsARoot() async throws {
        let fixture = try Fixture()
        let image = try await fixture.images.importImage(
            Self.stream(gzip(Self.layer)), name: try ImageReference(parsing: "imported:1"), platform: .host,
            config: ["Cmd": ["/x"]], message: "why")
        #expect(image.configuration.diffIDs == [digest(Self.layer)])
        #expect(image.manifest.layers.map(\.digest) == [digest(gzip(Self.layer))])
        #expect(fixture.leftovers.isEmpty)
        await #expect(throws: (any Error).self) {
            _ = try await fixture.images.importImage(
                Self.stream(Array(gzip(Self.layer).dropLast(3))), name: nil, platform: .host, config: [:], message: "")
        }
        #expect(fixture.leftovers.isEmpty)
        #expect(fixture.content.list().count == 3)
    }

    struct Stop: Error {}

    @Test func aStreamThatBreaksLeavesNothing() async throws {
        let fixture = try Fixture()
        for isLoad in [true, false] {
            let sent = Mutex(false)
            let stream: ByteStream = {
                if sent.withLock({ sent in
                    defer { sent = true }; return sent
                }) {
                    throw Stop()
                }
                return Array((isLoad ? Self.good[0].1 : Self.layer).prefix(1600))
            }
            await #expect(throws: Stop.self) {
                if isLoad {
                    _ = try await fixture.images.load(stream)
                } else {
                    _ = try await fixture.images.importImage(
                        stream, name: nil, platform: .host, config: [:], message: "")
                }
            }
            #expect(fixture.leftovers.isEmpty)
            #expect(fixture.content.list().isEmpty)
        }
    }

    /// Loading, deleting and collecting the same image at the same time ends in an image that is whole, or none.
    @Test func loadsAndDeletesAtOnce() async throws {
        let fixture = try Fixture()
        let images = fixture.images
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<12 {
                group.addTask {
                    if index % 3 == 2 {
                        // Nothing to delete is one of the answers.
                        if let image = try? images.resolve("test:1") { _ = try? images.delete(image.id) }
                        _ = try? images.collect()
                    } else {
                        do { _ = try await images.load(Self.stream(Self.good[0].1)) } catch { Issue.record(error) }
                    }
                }
            }
        }
        for image in try images.list() {
            for chain in LayerStore.chains(image.configuration.diffIDs) { #expect(fixture.layers.contains(chain)) }
            for blob in [image.id, image.manifestDigest] + image.manifest.layers.map(\.digest) {
                #expect(fixture.content.contains(blob))
            }
        }
        #expect(fixture.leftovers.isEmpty)
    }
}
