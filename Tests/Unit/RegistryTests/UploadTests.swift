// SPDX-License-Identifier: Apache-2.0
// Uploads: pieces, restarts, wrong digests, limits.
import Crypto
import Glibc
import Primitives
import Synchronization
import Testing

@testable import RegistryServer

@Suite struct UploadTests {
    private func body(_ pieces: [[UInt8]]) -> @Sendable () async throws -> [UInt8]? {
        let rest = Source(pieces)
        return { rest.next() }
    }

    private final class Source: Sendable {
        private let pieces: Mutex<[[UInt8]]>
        init(_ pieces: [[UInt8]]) { self.pieces = Mutex(pieces) }
        func next() -> [UInt8]? { pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }

    private func digest(_ bytes: [UInt8]) -> Primitives.Digest { Primitives.Digest(sha256: SHA256.hash(data: bytes)) }

    @Test(arguments: [false, true])
    func piecesAndRestarts(restarts: Bool) async throws {
        let place = try StoreTests.Place()
        var uploads = Uploads(store: place.store, limit: 10)
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let identifier = try await uploads.start(place.repository, algorithm: "sha256")
        for start in stride(from: 0, to: bytes.count, by: 1_000_000) {
            // Another object knows what the folder says, and no more.
            if restarts { uploads = Uploads(store: place.store, limit: 10) }
            let uploads = uploads
            let part = Array(bytes[start..<(start + 1_000_000)])
            try await uploads.withSession(identifier, place.repository) { session in
                #expect(session.size == Int64(start))
                try await uploads.append(session, body([Array(part[..<10]), Array(part[10...])]))
            }
        }
        let last = uploads
        let wanted = digest(bytes)
        try await last.withSession(identifier, place.repository) { try await last.finish($0, place.repository, wanted) }
        #expect(try place.store.openBlob(place.repository, wanted)?.size == 3_000_000)
        #expect(try StoreVerification(store: place.store).problems() == [])
        #expect(try await last.size(identifier, place.repository) == nil)
    }

    @Test func otherAlgorithm() async throws {
        let place = try StoreTests.Place()
        let uploads = Uploads(store: place.store, limit: 10)
        let wanted = try Primitives.Digest(parsing: "sha512:" + hexString(SHA512.hash(data: Array("abc".utf8))))
        for algorithm in ["sha256", "sha512"] {
            let identifier = try await uploads.start(place.repository, algorithm: algorithm)
            try await uploads.withSession(identifier, place.repository) { session in
                try await uploads.append(session, body([Array("abc".utf8)]))
                try await uploads.finish(session, place.repository, wanted)
            }
            #expect(try place.store.openBlob(place.repository, wanted) != nil)
        }
    }

    @Test func wrongDigestEndsTheSession() async throws {
        let place = try StoreTests.Place()
        let uploads = Uploads(store: place.store, limit: 10)
        let identifier = try await uploads.start(place.repository, algorithm: "sha256")
        await #expect(throws: Refusal.self) {
            try await uploads.withSession(identifier, place.repository) { session in
                try await uploads.append(session, body([[1, 2, 3]]))
                try await uploads.finish(session, place.repository, digest([1, 2]))
            }
        }
        #expect(try place.store.folder.list("uploads").isEmpty)
        #expect(try place.store.openBlob(place.repository, digest([1, 2])) == nil)
    }

    @Test func lengthsAndLimits() async throws {
        let place = try StoreTests.Place()
        let uploads = Uploads(store: place.store, limit: 2)
        let identifier = try await uploads.start(place.repository, algorithm: "sha256")
        await #expect(throws: Refusal.self) {
            try await uploads.withSession(identifier, place.repository) {
                try await uploads.append($0, body([[1, 2], [3]]), atMost: 2)
            }
        }
        await #expect(throws: Refusal.self) {
            try await uploads.withSession(identifier, place.repository) {
                try await uploads.append($0, body([[3]]), atMost: 2)
            }
        }
        _ = try await uploads.start(place.repository, algorithm: "sha256")
        let refusal = await #expect(throws: Refusal.self) {
            try await uploads.start(place.repository, algorithm: "sha256")
        }
        #expect(refusal?.status == 429)
    }

    @Test func sessionsBelongToTheirRepository() async throws {
        let place = try StoreTests.Place()
        let uploads = Uploads(store: place.store, limit: 10)
        let identifier = try await uploads.start(place.repository, algorithm: "sha256")
        let other = try #require(RepositoryName("other"))
        #expect(try await uploads.size(identifier, other) == nil)
        #expect(try await uploads.size(identifier, place.repository) == 0)
        for name in ["", "../../version", identifier + "x", identifier.uppercased() + "A"] {
            #expect(try await uploads.size(name, place.repository) == nil)
        }
        await #expect(throws: Refusal.self) {
            try await uploads.withSession(identifier, other) { try await uploads.cancel($0) }
        }
    }

    @Test func oldUploadsExpireAndWorkingOnesDoNot() async throws {
        let place = try StoreTests.Place()
        let uploads = Uploads(store: place.store, limit: 10)
        let (idle, busy) = (
            try await uploads.start(place.repository, algorithm: "sha256"),
            try await uploads.start(place.repository, algorithm: "sha256")
        )
        try place.age()
        let outcome = try await uploads.withSession(busy, place.repository) { _ in try place.collect() }
        #expect(outcome.uploads == 1)
        #expect(try await uploads.size(idle, place.repository) == nil)
        #expect(try await uploads.size(busy, place.repository) == 0)
    }
}
