// SPDX-License-Identifier: Apache-2.0
// Looking files up in unmounted layers: the top wins, whiteouts hide, links stay inside.
import CLinux
import Glibc
import Linux
import Testing

@testable import Tasks

@Suite struct RootFilesystemReaderTests {
    @Test func layers() throws {
        var template = Array("/tmp/apus-root-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { _ = try? removeTree(path) }
        for folder in ["top/etc", "middle/etc", "bottom/etc", "bottom/usr/etc", "outside"] {
            try TextFile.makeFolders(path + "/" + folder)
        }
        func write(_ name: String, _ text: String) throws {
            try TextFile.replace(path + "/" + name, with: Array(text.utf8), mode: 0o644)
        }
        try write("top/etc/passwd", "top")
        try write("bottom/etc/passwd", "bottom")
        try write("bottom/etc/group", "bottom group")
        try write("bottom/usr/etc/deep", "deep")
        try write("outside/secret", "secret")
        symlink("/etc/group", path + "/middle/etc/link")
        symlink("../../../../../../..\(path)/outside/secret", path + "/middle/etc/escape")
        symlink("usr/etc", path + "/bottom/alias")
        symlink("loop", path + "/middle/etc/loop")
        let root = RootFilesystem.overlay(
            layers: [path + "/middle", path + "/bottom"], upper: path + "/top", work: nil)
        let reader = try RootFilesystemReader(root)
        #expect(try reader.text("/etc/passwd") == "top")
        #expect(try reader.text("etc/group") == "bottom group")
        #expect(try reader.text("/etc/link") == "bottom group")
        #expect(try reader.text("/alias/deep") == "deep")
        #expect(try reader.text("/etc/escape") == nil)
        #expect(try reader.text("/etc") == nil)
        #expect(try reader.text("/nothing/here") == nil)
        #expect(throws: Errno.self) { try reader.text("/etc/loop") }
        guard getuid() == 0, mknod(path + "/middle/etc/group", S_IFCHR, 0) == 0 else { return }
        #expect(try reader.text("/etc/group") == nil)
        #expect(try reader.text("/etc/link") == nil)
        guard setxattr(path + "/top/etc", "trusted.overlay.opaque", "y", 1, 0) == 0 else { return }
        #expect(try reader.text("/etc/link") == nil)
        #expect(try reader.text("/etc/passwd") == "top")
    }

    private func removeTree(_ path: String) throws {
        for name in ProcFile.names(path) {
            if unlink(path + "/" + name) != 0 { try removeTree(path + "/" + name) }
        }
        try check("rmdir") { rmdir(path) }
    }
}
