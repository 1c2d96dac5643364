// SPDX-License-Identifier: Apache-2.0
// Layers that try to get out, and what their members become.
import Archive
import CLinux
import Glibc
import Linux
import Primitives
import Storage
import Testing

@Suite(.enabled(if: isRoot, "unpacking sets owners and makes devices: run it as root"))
struct LayerUnpackerTests {
    /// Members, and what must be where afterwards (nil: nothing).
    static let good: [(String, [TarEntry], [String: String?])] = [
        (
            "dots and slashes", [file("./a"), file("/b"), file("c//d"), file("e/../f")],
            ["a": "file", "b": "file", "c/d": "file", "f": "file", "e": nil]
        ),
        ("the root itself", [directory("./"), file("a")], ["a": "file"]),
        (
            "through an absolute link", [symlink("a", "/"), file("a/etc/passwd")],
            ["etc/passwd": "file", "a": "link → /"]
        ),
        ("through a link that leads up", [symlink("a", "../../../.."), file("a/x")], ["x": "file"]),
        (
            "through a relative link", [directory("usr/lib"), symlink("lib", "usr/lib"), file("lib/x")],
            ["usr/lib/x": "file", "lib": "link → usr/lib"]
        ),
        (
            "through a link into a lower layer", [symlink("lib", "usr/lib"), file("lib/x")],
            ["usr/lib/x": "file", "lib": "link → usr/lib"]
        ),
        (
            "through a chain of dangling links", [symlink("a", "b"), symlink("b", "/c/../d"), file("a/x")],
            ["d/x": "file", "a": "link → b"]
        ),
        ("a link in place of a file", [file("a"), symlink("a", "/etc/shadow")], ["a": "link → /etc/shadow"]),
        ("a file in place of a link", [symlink("a", "/etc/shadow"), file("a")], ["a": "file"]),
        (
            "a folder in place of a link", [symlink("a", "/etc"), directory("a"), file("a/x")],
            ["a/x": "file", "a": "folder", "etc": nil]
        ),
        ("a folder in place of a file", [file("a"), directory("a"), file("a/x")], ["a/x": "file"]),
        ("a file in place of a folder", [directory("a/b"), file("a/b/c"), file("a")], ["a": "file"]),
        ("a member below a file", [file("a"), file("a/b")], ["a/b": "file"]),
        ("a folder gone again", [directory("a/b"), directory("a/b/c"), symlink("a", "x")], ["a": "link → x"]),
        ("the same file twice", [file("a"), file("a", mode: 0o600)], ["a": "file"]),
        ("hard link", [file("a"), hardlink("b", "/a")], ["b": "file"]),
        ("hard link to a link", [symlink("a", "/etc/shadow"), hardlink("b", "a")], ["b": "link → /etc/shadow"]),
        (
            "hard link through a link", [directory("d"), file("d/f"), symlink("l", "/d"), hardlink("b", "l/f")],
            ["b": "file"]
        ),
        ("whiteout", [file("d/.wh.x")], ["d/x": "whiteout", "d/.wh.x": nil]),
        (
            "opaque", [directory("d"), file("d/.wh..wh..opq"), file("d/x")],
            ["d": "opaque", "d/x": "file", "d/.wh..wh..opq": nil]
        ),
        ("opaque last", [directory("d"), file("d/x"), file("d/.wh..wh..opq")], ["d": "opaque", "d/x": "file"]),
        ("opaque of a folder that no member describes", [file("d/.wh..wh..opq")], ["d": "opaque"]),
        (
            "whiteout, then the folder anew", [file(".wh.d"), directory("d"), file("d/x")],
            ["d": "opaque", "d/x": "file"]
        ),
        ("whiteout, then a member below", [file(".wh.d"), file("d/x")], ["d": "opaque", "d/x": "file"]),
        (
            "the folder anew, then the whiteout", [directory("d"), file("d/x"), file(".wh.d")],
            ["d": "opaque", "d/x": "file"]
        ),
        ("whiteout, then the file anew", [file(".wh.f"), file("f")], ["f": "file"]),
        ("the file anew, then the whiteout", [file("f"), file(".wh.f")], ["f": "file"]),
        ("whiteout twice", [file(".wh.f"), file(".wh.f")], ["f": "whiteout"]),
        (
            "book-keeping of aufs", [directory(".wh..wh.plnk"), file(".wh..wh.aufs")],
            [".wh.plnk": nil, ".wh..wh.aufs": nil]
        ),
        ("folder below a whiteout's name", [directory(".wh.x")], ["x": "whiteout"]),
        ("names that look like it", [file(".wh"), file("a.wh.b")], [".wh": "file", "a.wh.b": "file"]),
        ("three dots", [file(".wh....")], ["...": "whiteout"]),
        ("pipe", [TarEntry(name: "p", kind: .fifo)], ["p": "pipe"]),
        ("device", [TarEntry(name: "n", kind: .characterDevice, deviceMajor: 1, deviceMinor: 3)], ["n": "device"]),
        (
            "longest name", [file(PathBytes(String(repeating: "n", count: 255)))],
            [String(repeating: "n", count: 255): "file"]
        ),
    ]

    @Test(arguments: good) func becomes(_ row: (String, [TarEntry], [String: String?])) throws {
        let fixture = try Fixture()
        let tree = try fixture.apply(tar(row.1)).path
        for (name, expected) in row.2 { #expect(kind(tree + "/" + name) == expected, "\(row.0): \(name)") }
        #expect(fixture.leftovers.isEmpty)
    }

    static let bad: [(String, [TarEntry], String)] = [
        ("up", [file("../x")], "leads out of the root"),
        ("up in the middle", [file("a/../../x")], "leads out of the root"),
        ("absolute and up", [file("/../x")], "leads out of the root"),
        ("hard link up", [hardlink("a", "../../../etc/passwd")], "leads out of the root"),
        ("hard link to what is nowhere", [hardlink("a", "/etc/passwd")], "which is not there"),
        ("hard link through a link out", [symlink("l", "/etc"), hardlink("a", "l/passwd")], "which is not there"),
        ("hard link to itself", [file("a"), hardlink("a", "a")], "which is not there"),
        ("hard link to a folder", [directory("d"), hardlink("a", "d")], "not permitted"),
        ("hard link to a whiteout", [file(".wh.x"), hardlink("a", "x")], "links to a deleted file"),
        ("hard link to nothing", [hardlink("a", "")], "hard link to nothing"),
        ("link to nothing", [symlink("a", "")], "links to nothing"),
        ("whiteout of nothing", [file(".wh.")], "whiteout of nothing"),
        ("whiteout of the folder", [file("d/.wh..")], "whiteout of nothing"),
        ("whiteout of the parent", [file("d/.wh...")], "whiteout of nothing"),
        ("a device that is a whiteout", [TarEntry(name: "x", kind: .characterDevice)], "poses as a whiteout"),
        (
            "a file without a name",
            [file("./")].map {
                var e = $0; e.kind = .symbolicLink; e.linkName = "x"; return e
            }, "member without a name"
        ),
        ("a name too long", [file(PathBytes(String(repeating: "n", count: 256)))], "name too long"),
        ("a path too long", [file(PathBytes(String(repeating: "d/", count: 2100)))], "name too long"),
        ("links in a circle", [symlink("a", "b"), symlink("b", "a"), file("a/x")], "ymbolic links"),
        ("a link to itself", [symlink("a", "a"), file("a/x")], "ymbolic links"),
    ]

    @Test(arguments: bad) func refuses(_ row: (String, [TarEntry], String)) throws {
        let fixture = try Fixture()
        let error = #expect(throws: (any Error).self, "\(row.0)") { try fixture.apply(tar(row.1)) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(row.2), "\(row.0): \(error.map { "\($0)" } ?? "nothing")")
        #expect(fixture.leftovers.isEmpty)
        #expect(entries(fixture.folder + "/snapshots").isEmpty)
    }

    @Test func keepsModesOwnersTimesAndCapabilities() throws {
        let fixture = try Fixture()
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let tree = try fixture.apply(
            tar([
                TarEntry(name: "suid", mode: 0o6755, uid: 1000, gid: 1001, modified: 1_000_000),
                TarEntry(name: "tmp", kind: .directory, mode: 0o1777, modified: 2_000_000),
                file("tmp/later"),
                TarEntry(
                    name: "ping", mode: 0o755, uid: 5,
                    attributes: [
                        "security.capability": capability, "trusted.overlay.opaque": [121], "trusted.any": [1],
                        "security.selinux": [1], "system.posix_acl_access": [1],
                    ]),
            ])
        ).path
        var status = stat()
        #expect(lstat(tree + "/suid", &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o6755)
        #expect([status.st_uid, status.st_gid] == [1000, 1001])
        #expect(status.st_mtim.tv_sec == 1_000_000)
        #expect(lstat(tree + "/tmp", &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o1777)
        #expect(status.st_mtim.tv_sec == 2_000_000)
        var value = [UInt8](repeating: 0, count: 64)
        #expect(getxattr(tree + "/ping", "security.capability", &value, 64) == 20)
        for name in ["trusted.overlay.opaque", "trusted.any", "security.selinux"] {
            #expect(getxattr(tree + "/ping", name, &value, 64) < 0, "\(name)")
        }
    }

    /// Folders that a layer only mentions keep what the layer below says, its root too.
    @Test func completesFromBelow() throws {
        let fixture = try Fixture()
        let low = try fixture.apply(
            tar(
                [
                    TarEntry(name: "./", kind: .directory, mode: 0o750, uid: 7),
                    TarEntry(name: "d", kind: .directory, mode: 0o700, uid: 5),
                    file("d/f", mode: 0o4711),
                ], contents: ["d/f": [1, 2, 3]]))
        let high = try fixture.apply(tar([file("d/g"), hardlink("h", "d/f")]), above: low.diffs).path
        var status = stat()
        #expect(lstat(high + "/d", &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
        #expect(status.st_uid == 5)
        #expect(mode(high) == 0o750)
        #expect(mode(high + "/h") == 0o4711)
        #expect(read(high + "/h") == [1, 2, 3])
    }

    /// overlayfs does not look whether a root is opaque.
    @Test func anOpaqueRootHidesAllBelow() throws {
        let fixture = try Fixture()
        let low = try fixture.apply(tar([directory("d"), file("d/x"), directory("e"), file("f"), file("g")]))
        let tree = try fixture.apply(tar([directory("d"), file("f"), file(".wh..wh..opq")]), above: low.diffs).path
        #expect(["d", "e", "f", "g"].map { kind(tree + "/" + $0) } == ["opaque", "whiteout", "file", "whiteout"])
    }

    /// A pipe or device below must not be opened for a hard link to it.
    @Test(.timeLimit(.minutes(1))) func doesNotOpenPipesBelow() throws {
        let fixture = try Fixture()
        let low = try fixture.apply(tar([TarEntry(name: "p", kind: .fifo)]))
        #expect(throws: EngineError.self) { try fixture.apply(tar([hardlink("h", "p")]), above: low.diffs) }
        #expect(fixture.leftovers.isEmpty)
    }

    @Test func aWrongDigestLeavesNothing() throws {
        let fixture = try Fixture()
        let error = #expect(throws: EngineError.self) { try fixture.apply(tar([file("a")]), diffID: digest([1])) }
        #expect(error?.message.hasPrefix("layer verification failed") == true)
        #expect(entries(fixture.folder + "/snapshots").isEmpty)
    }

    @Test func stoppedUnpackingGoesAtTheNextStart() throws {
        let fixture = try Fixture()
        let kept = try fixture.apply(tar([file("kept")]))
        let unpacker = try fixture.layers.unpacker()
        try unpacker.write(Array(tar([directory("a/b"), file("a/b/c"), file("d")]).prefix(1600)))
        #expect(fixture.leftovers.count == 1)
        let restarted = try LayerStore(folder: fixture.folder + "/snapshots", database: fixture.database)
        try restarted.removeOrphans()
        #expect(fixture.leftovers.isEmpty)
        #expect(kind(kept.path + "/kept") == "file")
        withExtendedLifetime(unpacker) {}
    }

    /// The room of an abandoned layer is free even while something still refers to it.
    @Test func abandonedLayersHoldNothingOpen() throws {
        let fixture = try Fixture()
        let unpacker = try fixture.layers.unpacker()
        try unpacker.write(Array(tar([file("a")], contents: ["a": [UInt8](repeating: 1, count: 5000)]).prefix(3000)))
        unpacker.abandon()
        let open = entries("/proc/self/fd").filter { kind("/proc/self/fd/" + $0)?.hasSuffix("/a (deleted)") == true }
        #expect(open.isEmpty)
        #expect(fixture.leftovers.isEmpty)
        withExtendedLifetime(unpacker) {}
    }

    /// Through links a tree can be deeper than any name: what cannot be removed again is not made.
    @Test func depthIsBounded() throws {
        let fixture = try Fixture()
        var members: [TarEntry] = []
        let deep = String(repeating: "d/", count: 100)
        for index in 0..<40 {
            let below = index == 0 ? "" : "l\(index - 1)/"
            members.append(directory(PathBytes(below + deep + "e")))
            members.append(symlink(PathBytes("l\(index)"), PathBytes(below + deep + "e")))
        }
        let error = #expect(throws: (any Error).self) { try fixture.apply(tar(members)) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("too deep") || text.contains("ymbolic links"), "\(text)")
        #expect(fixture.leftovers.isEmpty)
    }

    @Test func twoAtOnceOfOneLayer() async throws {
        let fixture = try Fixture()
        let bytes = tar([directory("a"), file("a/b")])
        let layers = fixture.layers
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let unpacker = try layers.unpacker()
                    try unpacker.write(bytes)
                    try layers.commit(unpacker, diffID: digest(bytes), chains: [digest(bytes)])
                }
            }
            try await group.waitForAll()
        }
        #expect(kind("\(fixture.folder)/snapshots/\(digest(bytes).hex)/fs/a/b") == "file")
        #expect(fixture.leftovers.isEmpty)
    }

    @Test func writableLayersHoldTheirImage() throws {
        let fixture = try Fixture()
        let low = try fixture.apply(tar([TarEntry(name: "./", kind: .directory, mode: 0o711), file("a")]))
        try fixture.layers.prepare("container", above: low.diffs)
        #expect(mode(fixture.folder + "/snapshots/container/fs") == 0o711)
        #expect(throws: EngineError.self) { try fixture.layers.prepare("container", above: low.diffs) }
        #expect(kind(fixture.folder + "/snapshots/container/fs") == "folder")
        #expect(try fixture.layers.collect(keeping: []) == 0)
        #expect(kind(low.path + "/a") == "file")
        try fixture.layers.remove("container")
        try fixture.layers.collect(keeping: [])
        #expect(entries(fixture.folder + "/snapshots").isEmpty)
    }

    /// A container can nest folders as deep as it likes; neither measuring nor removing may run out of anything.
    @Test func deepTreesAreMeasuredAndRemoved() async throws {
        let fixture = try Fixture()
        try fixture.layers.prepare("deep", above: [])
        var current = open(fixture.folder + "/snapshots/deep/fs", O_RDONLY | O_DIRECTORY)
        for _ in 0..<6000 {
            #expect(mkdirat(current, "d", 0o700) == 0)
            let next = openat(current, "d", O_RDONLY | O_DIRECTORY)
            close(current)
            current = next
        }
        let fd = openat(current, "f", O_WRONLY | O_CREAT, 0o600)
        #expect(Glibc.write(fd, "12345", 5) == 5)
        close(fd)
        close(current)
        #expect(fixture.layers.usage("deep") == 5)
        try fixture.layers.remove("deep")
        #expect(entries(fixture.folder + "/snapshots").isEmpty)
    }
}
