// SPDX-License-Identifier: Apache-2.0
// Volumes: names, removal that survives a kill.
import Archive
import Glibc
import Primitives
import Storage
import Testing

@Suite struct VolumeStoreTests {
    @Test(arguments: ["", "a", "../x", "a/b", ".hidden", "-x", "a b", "ä1", "a\0b", "..", "/etc", "a\n"])
    func refusesNames(_ name: String) throws {
        let fixture = try Fixture()
        let volumes = try VolumeStore(folder: fixture.folder + "/volumes", database: fixture.database)
        let error = #expect(throws: EngineError.self) { try volumes.create(name, labels: [:], isAnonymous: false) }
        #expect(error?.kind == .invalidArgument)
        #expect(entries(fixture.folder + "/volumes").isEmpty)
    }

    @Test func createsFindsAndRemoves() throws {
        let fixture = try Fixture()
        let volumes = try VolumeStore(folder: fixture.folder + "/volumes", database: fixture.database)
        let made = try volumes.create("data.1_x-y", labels: ["a": "é\"\n"], isAnonymous: false)
        #expect(made.isNew)
        #expect(made.volume.labels == ["a": "é\"\n"])
        #expect(try volumes.create("data.1_x-y", labels: [:], isAnonymous: true).volume == made.volume)
        try write(made.volume.mountpoint + "/f", [1, 2, 3])
        #expect(volumes.usage("data.1_x-y") == 3)
        try volumes.remove("data.1_x-y")
        #expect(throws: EngineError.self) { try volumes.remove("data.1_x-y") }
        #expect(entries(fixture.folder + "/volumes").isEmpty)
    }

    /// Filled from an image, through a link of the image that leads out of it, from one layer and from two.
    @Test(.enabled(if: isRoot, "copies owners and mounts layers: run it as root"), arguments: [1, 2])
    func isFilledFromAnImage(_ count: Int) throws {
        let fixture = try Fixture()
        let volumes = try VolumeStore(folder: fixture.folder + "/volumes", database: fixture.database)
        let low = try fixture.apply(
            tar(
                [
                    TarEntry(name: "data", kind: .directory, mode: 0o750, uid: 33),
                    TarEntry(name: "data/f", mode: 0o4755, uid: 7),
                    symlink("data/l", "/etc/shadow"), symlink("out", "/../../data"),
                    symlink("evil", "/proc/self/root/etc"),
                    TarEntry(name: "data/p", kind: .fifo),
                ], contents: ["data/f": [1, 2]]))
        let high = try fixture.apply(tar([file("data/g"), file("data/.wh.p")]), above: low.diffs)
        let layers = count == 1 ? [low.path] : [high.path, low.path]
        mkdir(fixture.folder + "/staging", 0o700)
        for (name, path) in [
            ("one", "/data"), ("two", "/out"), ("three", "/nothing"), ("four", "/evil"), ("five", "/data/f"),
        ] {
            let place = try volumes.create(name, labels: [:], isAnonymous: false).volume.mountpoint
            try volumes.copyUp(into: name, from: layers, path: path, staging: fixture.folder + "/staging")
            guard name == "one" || name == "two" else {
                #expect(entries(place).isEmpty, "\(path)")
                continue
            }
            #expect(entries(place) == (count == 1 ? ["f", "l", "p"] : ["f", "g", "l"]))
            #expect(mode(place) == 0o750)
            #expect(mode(place + "/f") == 0o4755)
            #expect(kind(place + "/l") == "link → /etc/shadow")
            #expect(read(place + "/f") == [1, 2])
        }
        // What is not empty is left as it is.
        let place = try volumes.create("six", labels: [:], isAnonymous: false).volume.mountpoint
        try write(place + "/own", [9])
        try volumes.copyUp(into: "six", from: layers, path: "/data", staging: fixture.folder + "/staging")
        #expect(entries(place) == ["own"])
    }

    /// Killed between taking the folder away and deleting the row: the volume is there with its content.
    @Test func aStoppedRemovalIsUndoneOrFinished() throws {
        let fixture = try Fixture()
        let folder = fixture.folder + "/volumes"
        let volumes = try VolumeStore(folder: folder, database: fixture.database)
        let kept = try volumes.create("kept", labels: [:], isAnonymous: false).volume
        try write(kept.mountpoint + "/f", [1])
        rename(folder + "/kept", folder + "/.removed-kept")
        mkdir(folder + "/.removed-gone", 0o700)
        try write(folder + "/.removed-gone/f", [1])
        let again = try VolumeStore(folder: folder, database: fixture.database)
        #expect(entries(folder) == ["kept"])
        #expect(again.usage("kept") == 1)
        #expect(try again.create("gone", labels: [:], isAnonymous: false).isNew)
        #expect(again.usage("gone") == 0)
    }
}
