// SPDX-License-Identifier: Apache-2.0
// Layers put together at random from everything that is dangerous.
import Archive
import Glibc
import Linux
import Primitives
import Storage
import Testing

/// The same numbers for the same seed (Steele, Lea, Flood: SplitMix).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite(.enabled(if: isRoot, "unpacking sets owners and makes devices: run it as root"))
struct LayerFuzzTests {
    static let parts = [
        "a", "b", "c", "a", "b", "..", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", "etc", "passwd",
    ]
    static let kinds: [TarEntry.Kind] = [
        .file, .file, .directory, .directory, .symbolicLink, .symbolicLink, .hardLink, .fifo, .characterDevice,
    ]

    private func name(_ random: inout SplitMix) -> PathBytes {
        let count = Int.random(in: 1...5, using: &random)
        let text = (0..<count).map { _ in Self.parts.randomElement(using: &random) ?? "" }.joined(separator: "/")
        return PathBytes((Bool.random(using: &random) ? "/" : "") + text)
    }

    /// Each either becomes a layer or is refused in words; nothing beside the stores changes, nothing is left.
    @Test(arguments: 0..<8) func random(_ seed: Int) throws {
        let fixture = try Fixture()
        try write(fixture.folder + "/passwd", [1])
        var random = SplitMix(state: UInt64(seed))
        var below: [Digest] = []
        for _ in 0..<60 {
            var members: [TarEntry] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let kind = Self.kinds.randomElement(using: &random) ?? .file
                var entry = TarEntry(
                    name: name(&random), kind: kind, mode: UInt32.random(in: 0...0o7777, using: &random))
                if kind == .symbolicLink || kind == .hardLink { entry.linkName = name(&random) }
                if kind == .characterDevice { entry.deviceMajor = UInt32.random(in: 0...1, using: &random) }
                members.append(entry)
            }
            let bytes = tar(members)
            do {
                below = try fixture.apply(bytes, above: below).diffs
                if below.count > 5 { below = [] }
            } catch let error as EngineError {
                #expect(error.message.hasPrefix("invalid layer: "), "\(error.message)")
            } catch let error as Errno {
                // A circle of links, a hard link to a folder, one device too many: the kernel's own refusals.
                #expect([ELOOP, EPERM, ENAMETOOLONG].contains(error.code), "\(error)")
            }
            #expect(fixture.leftovers.isEmpty)
        }
        #expect(entries(fixture.folder).filter { !$0.hasPrefix("db") } == ["content", "passwd", "snapshots"])
        #expect(read(fixture.folder + "/passwd") == [1])
    }
}
