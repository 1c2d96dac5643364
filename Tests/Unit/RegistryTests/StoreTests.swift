// SPDX-License-Identifier: Apache-2.0
// The store on a real folder: what is kept, what is refused, what garbage collection takes and leaves.
import Crypto
import Glibc
import JSON
import Linux
import OCI
import Primitives
import Testing

@testable import RegistryServer

@Suite struct StoreTests {
    /// A store in a folder of its own, removed afterwards.
    final class Place {
        let root: String
        let store: RegistryStore
        let repository: RepositoryName

        init() throws {
            root = "/tmp/apus-registry-test-" + StoreFolder.randomName()
            store = try RegistryStore(root: root)
            repository = try #require(RepositoryName("team/app"))
        }

        deinit { Self.remove(root) }

        /// Removes a folder of this test. A symbolic link is removed as what it is and never followed: following one would
        /// empty whatever it names.
        private static func remove(_ path: String) {
            var status = stat()
            guard path.hasPrefix("/tmp/apus-registry-test-"), lstat(path, &status) == 0 else { return }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                unlink(path)
                return
            }
            let fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard fd >= 0, let stream = fdopendir(fd) else { return }
            var names: [String] = []
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { names.append(name) }
            }
            closedir(stream)
            for name in names { remove(path + "/" + name) }
            rmdir(path)
        }

        func add(_ text: String, _ repository: RepositoryName? = nil) throws -> Descriptor {
            let bytes = Array(text.utf8)
            let digest = Primitives.Digest(sha256: SHA256.hash(data: bytes))
            try store.addBlob(repository ?? self.repository, digest, file: try store.folder.stage(bytes))
            return Descriptor(mediaType: "application/octet-stream", digest: digest, size: Int64(bytes.count))
        }

        func manifest(_ blobs: [Descriptor], subject: Descriptor? = nil, tags: [String] = []) throws -> Descriptor {
            var object = try #require(
                Manifest(config: blobs[0], layers: Array(blobs.dropFirst())).json.object)
            if let subject { object["subject"] = subject.json }
            return try add(document: .object(object), tags: tags)
        }

        func add(document: JSONValue, tags: [String] = []) throws -> Descriptor {
            let bytes = document.serialize()
            let digest = Primitives.Digest(sha256: SHA256.hash(data: bytes))
            let parsed = try ManifestDocument(parsing: bytes, contentType: nil)
            try store.addManifest(repository, digest, parsed, bytes: bytes, tags: tags)
            return Descriptor(mediaType: parsed.mediaType, digest: digest, size: Int64(bytes.count))
        }

        /// As if everything had been used last some hours ago.
        func age() throws {
            try store.forEachContent { _, path in try Self.age(root + "/" + path) }
            for name in try store.folder.list("uploads") { try Self.age(root + "/uploads/" + name) }
        }

        private static func age(_ path: String) throws {
            var times = [
                timespec(tv_sec: time(nil) - 10_000, tv_nsec: 0), timespec(tv_sec: time(nil) - 10_000, tv_nsec: 0),
            ]
            try check("utimensat") { utimensat(AT_FDCWD, path, &times, 0) }
        }

        func collect(untagged: Bool = false) throws -> GarbageCollector.Outcome {
            try GarbageCollector(store: store, grace: 3600, uploadExpiry: 3600, removesUntagged: untagged).run()
        }

        func has(_ descriptor: Descriptor, _ repository: RepositoryName? = nil) throws -> Bool {
            try store.openBlob(repository ?? self.repository, descriptor.digest) != nil
        }
    }

    @Test func contentIsStoredOnce() throws {
        let place = try Place()
        let other = try #require(RepositoryName("team/other"))
        let blob = try place.add("layer")
        #expect(try place.add("layer", other) == blob)
        let entry = try place.store.folder.find(RegistryStore.content(blob.digest))
        #expect(entry?.links == 3)
        #expect(try place.store.folder.list("tmp").isEmpty)
        // One repository's deletion is not the other's.
        #expect(try place.store.removeBlob(other, blob.digest))
        #expect(try place.has(blob))
        #expect(try !place.has(blob, other))
        #expect(try !place.store.removeBlob(other, blob.digest))
    }

    @Test func wrongSizeInThePlaceOfContentIsReplaced() throws {
        let place = try Place()
        let blob = try place.add("content")
        try place.store.folder.write(RegistryStore.content(blob.digest), Array("dam".utf8))
        #expect(try StoreVerification(store: place.store).problems().count == 1)
        _ = try place.add("content")
        #expect(try StoreVerification(store: place.store).problems() == [])
    }

    @Test func manifestNeedsItsContent() throws {
        let place = try Place()
        let here = try place.add("{}")
        let missing = Descriptor(
            mediaType: MediaType.ociLayer, digest: Primitives.Digest(sha256: SHA256.hash(data: [1])), size: 1)
        #expect(throws: Refusal.self) { try place.manifest([here, missing], tags: ["x"]) }
        #expect(try place.store.tags(place.repository) == [])
        var wrong = here
        wrong.size = 3
        #expect(throws: Refusal.self) { try place.manifest([wrong]) }
        var foreign = missing
        foreign.mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        _ = try place.manifest([here, foreign], tags: ["x"])
        #expect(try place.store.tags(place.repository) == ["x"])
        #expect(try place.store.folder.list("tmp").isEmpty)
    }

    @Test func removingAManifestRemovesItsTagsAndReferrers() throws {
        let place = try Place()
        let blob = try place.add("{}")
        let image = try place.manifest([blob], tags: ["b", "a"])
        let signature = try place.manifest([blob], subject: image)
        var found = try place.store.referrers(
            place.repository, of: image.digest, artifactType: nil, after: nil, limit: 10)
        #expect(found.descriptors.map { $0["digest"]?.string } == [signature.digest.description])
        #expect(found.descriptors[0]["artifactType"]?.string == "application/octet-stream")
        found = try place.store.referrers(
            place.repository, of: image.digest, artifactType: "other", after: nil, limit: 10)
        #expect(found.descriptors.isEmpty)
        #expect(try place.store.removeManifest(place.repository, signature.digest))
        found = try place.store.referrers(
            place.repository, of: image.digest, artifactType: nil, after: nil, limit: 10)
        #expect(found.descriptors.isEmpty)
        #expect(try place.store.removeManifest(place.repository, image.digest))
        #expect(try place.store.tags(place.repository) == [])
        #expect(try !place.store.removeManifest(place.repository, image.digest))
    }

    @Test func collectionTakesTheUnusedAndLeavesTheRest() throws {
        let place = try Place()
        let (config, layer, loose) = (try place.add("{}"), try place.add("layer"), try place.add("loose"))
        let image = try place.manifest([config, layer], tags: ["latest"])
        // Nothing is old enough.
        #expect(try place.collect() == GarbageCollector.Outcome())
        try place.age()
        let outcome = try place.collect()
        #expect(outcome.blobs == 1 && outcome.contents == 1 && outcome.bytes == 5)
        #expect(try !place.has(loose))
        #expect(try place.has(config) && place.has(layer))
        #expect(try StoreVerification(store: place.store).problems() == [])
        // Without the manifest all goes, to the last folder.
        #expect(try place.store.removeManifest(place.repository, image.digest))
        try place.age()
        _ = try place.collect()
        #expect(try place.store.folder.list("repositories") == [])
        #expect(try place.store.folder.list("blobs/sha256") == [])
    }

    @Test func whatWasLookedAtStays() throws {
        let place = try Place()
        let blob = try place.add("wanted")
        try place.age()
        // A client that is told that a blob is here does not upload it again.
        #expect(try place.has(blob))
        #expect(try place.collect().blobs == 0)
        #expect(try place.has(blob))
    }

    @Test func untaggedGoOnlyWhenAskedFor() throws {
        let place = try Place()
        let config = try place.add("{}")
        let (one, two) = (try place.add("one"), try place.add("two"))
        let (child, lonely) = (try place.manifest([config, one]), try place.manifest([config, two]))
        let index = try place.add(document: ImageIndex(manifests: [child]).json, tags: ["all"])
        let signature = try place.manifest([config], subject: child)
        try place.age()
        #expect(try place.collect().manifests == 0)
        try place.age()
        #expect(try place.collect(untagged: true).manifests == 1)
        for kept in [index, child, signature] {
            #expect(try place.store.manifest(place.repository, kept.digest) != nil)
        }
        #expect(try place.store.manifest(place.repository, lonely.digest) == nil)
        #expect(try !place.has(two))
        #expect(try place.has(one))
    }

    @Test func damageIsFoundAndNothingOfItsRepositoryCollected() throws {
        let place = try Place()
        let layer = try place.add("layer")
        let image = try place.manifest([layer])
        let content = place.root + "/" + RegistryStore.content(image.digest)
        try TextFile.write("xxxx", to: content)
        try place.age()
        let outcome = try place.collect()
        #expect(outcome.damaged == ["team/app@\(image.digest)"])
        #expect(try place.has(layer))
        #expect(try StoreVerification(store: place.store).problems().count == 2)
    }

    @Test func nothingLeavesTheRoot() throws {
        // The folder that a link leads to belongs to this test, too: nothing of the machine is ever named by one.
        let outside = try Place()
        try outside.store.folder.write("canary", [1])
        let place = try Place()
        #expect(symlink(outside.root, place.root + "/repositories/link") == 0)
        for path in ["../x", outside.root + "/canary", "repositories/link/canary", "repositories/../../x"] {
            #expect(throws: Errno.self) { _ = try place.store.folder.open(path, O_RDONLY) }
        }
        #expect(try place.store.repositories() == [])
        #expect(try outside.store.folder.read("canary", limit: 1) == [1])
    }

    @Test func otherVersionsAreRefused() throws {
        let place = try Place()
        try place.store.folder.write("version", Array("2\n".utf8))
        #expect(throws: EngineError.self) { try RegistryStore(root: place.root) }
    }
}
