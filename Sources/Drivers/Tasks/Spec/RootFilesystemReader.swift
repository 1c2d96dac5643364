// SPDX-License-Identifier: Apache-2.0
// Reading a file of a container whose root is mounted nowhere: the layers are searched as overlayfs would show them.
import CLinux
import Glibc
package import Linux

/// Looks files up in a stack of overlay layers, honouring whiteouts, opaque folders and symbolic links (which stay
/// inside).
package struct RootFilesystemReader: ~Copyable {
    private static let maximumSize = 16 << 20
    private let layers: [Int32]

    package init(_ root: RootFilesystem) throws(Errno) {
        let paths: [String]
        switch root {
        case .directory(let path): paths = [path]
        case .overlay(let lower, let upper, _): paths = (upper.map { [$0] } ?? []) + lower
        }
        var opened: [Int32] = []
        for path in paths {
            do throws(Errno) {
                opened.append(try check("open") { open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) })
            } catch {
                for descriptor in opened { _ = close(descriptor) }
                throw error
            }
        }
        layers = opened
    }

    deinit { for layer in layers { _ = close(layer) } }

    /// The file's content as text, nil when there is no such regular file. Larger files than 16 MiB are refused.
    package borrowing func text(_ path: String) throws(Errno) -> String? {
        var remaining = Self.components(path)
        var hops = 0
        while true {
            switch try walk(remaining) {
            case .nothing: return nil
            case .link(let target):
                hops += 1
                guard hops <= 40 else { throw Errno(call: "open \(path)", code: ELOOP) }
                remaining = target
            case .file(let descriptor):
                defer { _ = close(descriptor) }
                return String(decoding: try Self.readAll(descriptor), as: UTF8.self)
            }
        }
    }

    private enum Step {
        case nothing
        case link([String])
        case file(Int32)
    }

    /// One pass from the root; a symbolic link on the way gives the path to try instead.
    private borrowing func walk(_ components: [String]) throws(Errno) -> Step {
        var candidates = layers
        var prefix: [String] = []
        for (position, component) in components.enumerated() {
            let here = (prefix + [component]).joined(separator: "/")
            var folders: [Int32] = []
            search: for layer in candidates {
                let entry = apus_openat2(layer, here, UInt64(O_PATH | O_NOFOLLOW | O_CLOEXEC), 0, Self.resolution)
                if entry < 0 {
                    if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { continue }
                    throw Errno(call: "openat2 \(here)")
                }
                defer { _ = close(entry) }
                var status = stat()
                try check("fstat") { fstat(entry, &status) }
                switch status.st_mode & S_IFMT {
                case S_IFDIR:
                    folders.append(layer)
                    if Self.isOpaque(entry) { break search }
                case S_IFLNK where folders.isEmpty:
                    let target = try Self.linkTarget(entry)
                    let rest = Array(components[(position + 1)...])
                    let base = target.hasPrefix("/") ? [] : prefix
                    return .link(Self.components((base + [target]).joined(separator: "/")) + rest)
                case S_IFREG where folders.isEmpty && position == components.count - 1:
                    let file = apus_openat2(
                        layer, here, UInt64(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), 0, Self.resolution)
                    guard file >= 0 else { throw Errno(call: "openat2 \(here)") }
                    return .file(file)
                default:
                    // A whiteout (character device 0:0) or another kind of file hides what lies below.
                    break search
                }
            }
            if folders.isEmpty { return .nothing }
            candidates = folders
            prefix.append(component)
        }
        return .nothing
    }

    private static let resolution = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

    /// Folds `.` and `..`; going up stops at the root, as in the container.
    private static func components(_ path: String) -> [String] {
        var out: [String] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = out.popLast() } else { out.append(String(part)) }
        }
        return out
    }

    private static func isOpaque(_ folder: Int32) -> Bool {
        // getxattr on an O_PATH descriptor is refused; the path through /proc is the same file.
        let path = "/proc/self/fd/\(folder)"
        for name in ["trusted.overlay.opaque", "user.overlay.opaque"] {
            var value: UInt8 = 0
            if getxattr(path, name, &value, 1) == 1, value == UInt8(ascii: "y") { return true }
        }
        return false
    }

    private static func linkTarget(_ link: Int32) throws(Errno) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try checkLength("readlinkat") {
            buffer.withUnsafeMutableBytes { $0.baseAddress.map { readlinkat(link, "", $0, Int(PATH_MAX)) } ?? -1 }
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    private static func readAll(_ descriptor: Int32) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = try checkLength("read") { read(descriptor, &chunk, chunk.count) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk.prefix(count))
            if bytes.count > maximumSize { throw Errno(call: "read", code: EFBIG) }
        }
    }
}
