// SPDX-License-Identifier: Apache-2.0
// One daemon for a data root, and the file that says which process it is.
import Glibc
import Linux
import Primitives

/// Held as long as the daemon lives; the kernel lets go of the lock when it ends, however it ends.
final class DataRootLock {
    private let lock: OwnedFD
    private let pidfile: String

    init(dataRoot: String, execRoot: String, pidfile: String) throws {
        for folder in [dataRoot, execRoot, Self.parent(pidfile)] where !folder.isEmpty {
            try Self.makeFolder(folder)
        }
        let file = try OwnedFD.open(dataRoot + "/apus.lock", O_RDWR | O_CREAT, mode: 0o600)
        let isOurs = flock(file.raw, LOCK_EX | LOCK_NB) == 0
        lock = file
        self.pidfile = pidfile
        guard isOurs else { throw EngineError.conflict("another apusd is using the data root \(dataRoot)") }
        if !pidfile.isEmpty { try Self.writePID(pidfile) }
    }

    /// Removes the pid file; the lock goes with the process.
    func release() { if !pidfile.isEmpty { unlink(pidfile) } }

    private static func writePID(_ path: String) throws {
        let old = open(path, O_RDONLY | O_CLOEXEC)
        if old >= 0 {
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = read(old, &bytes, bytes.count)
            _ = close(old)
            let digits = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)
            if let pid = Int32(digits), pid != getpid(), isDaemon(pid) {
                throw EngineError.conflict(
                    "process with PID \(pid) is still running; ensure apusd is not running or delete \(path)")
            }
        }
        let file = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        let text = "\(getpid())"
        _ = write(file.raw, text, text.utf8.count)
    }

    /// Whether that process is an apusd: numbers are used again.
    private static func isDaemon(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0 else { return false }
        var name = [UInt8](repeating: 0, count: 64)
        let file = open("/proc/\(pid)/comm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        let count = read(file, &name, name.count)
        _ = close(file)
        return String(decoding: name.prefix(max(0, count)), as: UTF8.self).hasPrefix("apusd")
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }

    private static func makeFolder(_ path: String) throws {
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            if mkdir(current, 0o711) != 0, errno != EEXIST { throw Errno(call: "mkdir \(current)", code: errno) }
        }
    }
}
