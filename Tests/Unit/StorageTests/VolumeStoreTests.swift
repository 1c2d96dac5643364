// SPDX-License-Identifier: Apache-2.0
// Volumes: names, removal that survives a kill.
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
