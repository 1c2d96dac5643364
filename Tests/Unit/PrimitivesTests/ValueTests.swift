// SPDX-License-Identifier: Apache-2.0
// Sizes, digests, names and the rollback scope.
import Primitives
import Testing

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("1024", Int64(1024)), ("64m", 67_108_864), ("1.5g", 1_610_612_736), ("10MB", 10_485_760), ("1KiB", 1024),
        ("0", 0),
        ("2 GB", 2_147_483_648),
    ])
    func parses(text: String, bytes: Int64) throws {
        #expect(try ByteSize.parse(text) == bytes)
    }

    @Test(arguments: ["", "m", "-1", "1x", "1..5m", "99999999999999p"])
    func refuses(text: String) {
        #expect(throws: EngineError.self) { try ByteSize.parse(text) }
    }

    @Test(arguments: [
        (Int64(0), "0B"), (999, "999B"), (1000, "1kB"), (1_240_000, "1.24MB"), (187_000_000, "187MB"),
        (13_256, "13.26kB"),
        (4_269_678, "4.27MB"), (1_000_000_000_000, "1TB"),
    ])
    func printsDecimal(bytes: Int64, text: String) {
        #expect(ByteSize.human(bytes) == text)
    }

    @Test(arguments: [(Int64(1024), "1KiB"), (1536, "1.5KiB"), (67_108_864, "64MiB")])
    func printsBinary(bytes: Int64, text: String) {
        #expect(ByteSize.humanBinary(bytes) == text)
    }
}

@Suite struct DigestTests {
    let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test func parses() throws {
        let digest = try Digest(parsing: "sha256:\(hex)")
        #expect(digest.hex == hex)
        #expect(digest.description == "sha256:\(hex)")
        #expect(digest.short == "0123456789ab")
    }

    @Test(arguments: ["", "sha256:", "sha256:zz", "md5:0123", "sha256:../../../../etc/passwd", "SHA256:0"])
    func refuses(text: String) {
        #expect(throws: EngineError.self) { try Digest(parsing: text) }
    }

    @Test func refusesUpperCase() {
        #expect(throws: EngineError.self) { try Digest(parsing: "sha256:\(hex.uppercased())") }
    }
}

@Suite struct IdentifierTests {
    @Test func randomIsSixtyFourDigitsAndNeverTwice() {
        let ids = (0..<100).map { _ in Identifier.random() }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.utf8.count == 64 && $0.allSatisfy(\.isHexDigit) })
    }

    @Test(arguments: [
        ("web", true), ("a1_.-", true), ("a", false), ("", false), ("-a", false), ("a/b", false), ("ä1", false),
    ])
    func names(name: String, valid: Bool) {
        #expect(Identifier.isValidName(name) == valid)
    }
}

@Suite struct RollbackTests {
    struct Failure: Error {}

    @Test func playsBackwardsOnFailure() async {
        nonisolated(unsafe) var order: [Int] = []
        await #expect(throws: Failure.self) {
            try await withRollback { rollback in
                rollback.onFailure { order.append(1) }
                rollback.onFailure { order.append(2) }
                throw Failure()
            }
        }
        #expect(order == [2, 1])
    }

    @Test func forgetsOnSuccess() async throws {
        nonisolated(unsafe) var undone = false
        try await withRollback { rollback in rollback.onFailure { undone = true } }
        #expect(!undone)
    }
}
