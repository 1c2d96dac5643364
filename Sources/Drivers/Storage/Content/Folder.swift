// SPDX-License-Identifier: Apache-2.0
// Making, listing, measuring and removing folders of the store's own.
import Archive
import CLinux
import Glibc
import Linux

/// Folders whose paths are the store's own, never an image's.
enum Folder {
    static func make(_ path: String, mode: mode_t = 0o700) throws {
        if mkdir(path, mode) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                throw Errno(call: "mkdir \(path)", code: ENOENT)
            }
            try make(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) != 0, errno != EEXIST { throw Errno(call: "mkdir \(path)", code: errno) }
        default: throw Errno(call: "mkdir \(path)", code: errno)
        }
    }

    static func entries(_ path: String) -> [String] { names(path).map(\.description) }

    static func names(_ path: String) -> [PathBytes] {
        let file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { _ = close(file) }
        return names(file)
    }

    /// Removes a tree without following links or crossing into mounts.
    static func removeTree(_ path: String) {
        empty(path)
        if rmdir(path) != 0 { unlink(path) }
    }

    /// Removes all that is in a folder.
    static func empty(_ path: String) {
        let file = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return }
        removeEntries(file)
        _ = close(file)
    }

    /// How many folders are held open at once on the way down.
    private static let depth = 64

    /// Empties the folder behind a descriptor. A container may nest folders as deep as it likes (each step is a mkdir and a
    /// chdir): what lies too deep is first moved up, so that neither descriptors nor the stack run out.
    static func removeEntries(_ folder: Int32) {
        var lifted = 0
        while true {
            let before = lifted
            removeEntries(folder, left: depth, top: folder, lifted: &lifted)
            if lifted == before { return }
        }
    }

    private static func removeEntries(_ folder: Int32, left: Int, top: Int32, lifted: inout Int) {
        for name in names(folder) {
            if name.withCString({ unlinkat(folder, $0, 0) }) == 0 { continue }
            if left == 0 {
                lifted += 1
                let place = ".apus-removing-\(lifted)"
                _ = name.withCString { renameat(folder, $0, top, place) }
                continue
            }
            let child = name.withCString { openat(folder, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
            guard child >= 0 else { continue }
            removeEntries(child, left: left - 1, top: top, lifted: &lifted)
            _ = close(child)
            _ = name.withCString { unlinkat(folder, $0, AT_REMOVEDIR) }
        }
    }

    private static func names(_ folder: Int32) -> [PathBytes] {
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = fdopendir(copy) else {
            _ = close(copy)
            return []
        }
        defer { closedir(stream) }
        var names: [PathBytes] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { PathBytes($0.prefix { $0 != 0 }) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Plain bytes of the files below a folder, links counted once. Holds one folder open, however deep the tree is.
    static func usage(_ path: String) -> Int64 {
        var current = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard current >= 0 else { return 0 }
        defer { if current >= 0 { _ = close(current) } }
        var seen: Set<UInt64> = []
        var total: Int64 = 0
        // For each folder on the way down: its inode, to find it again by `..`, and its folders still to be visited.
        var levels = [(inode: inode(current), folders: measure(current, &total, &seen))]
        while let last = levels.indices.last {
            if let next = levels[last].folders.popLast() {
                let child = next.withCString { openat(current, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                guard child >= 0 else { continue }
                _ = close(current)
                current = child
                levels.append((inode(current), measure(current, &total, &seen)))
            } else {
                levels.removeLast()
                guard let above = levels.last else { break }
                let parent = openat(current, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                _ = close(current)
                current = parent
                // Moved away meanwhile by a container: what was counted so far has to do.
                guard parent >= 0, inode(parent) == above.inode else { break }
            }
        }
        return total
    }

    private static func inode(_ folder: Int32) -> UInt64 {
        var status = stat()
        return fstat(folder, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    /// Adds what the files of one folder hold; gives the folders in it.
    private static func measure(_ folder: Int32, _ total: inout Int64, _ seen: inout Set<UInt64>) -> [PathBytes] {
        names(folder).filter { name in
            var status = stat()
            guard name.withCString({ fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { return false }
            if status.st_mode & S_IFMT == S_IFDIR { return true }
            if status.st_nlink < 2 || seen.insert(UInt64(status.st_ino)).inserted { total += Int64(status.st_size) }
            return false
        }
    }
}
