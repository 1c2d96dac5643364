// SPDX-License-Identifier: Apache-2.0
// The process that holds a rootless daemon's namespaces: how it is found again, and when it ends.
import Glibc
import Linux

struct RootlessHolder {
    let folder: String
    private var path: String { folder + "/holder" }

    init(folder: String) { self.folder = folder }

    /// The one that is remembered, if it is still that process: numbers are used again, start times are not.
    func find() -> Int32? {
        guard let words = (try? TextFile.text(path))?.split(whereSeparator: \.isWhitespace), words.count == 2,
            let pid = Int32(words[0]), let start = Self.startTime(pid), start == String(words[1])
        else { return nil }
        return pid
    }

    func remember(_ pid: Int32) throws {
        let text = "\(pid) \(Self.startTime(pid) ?? "0")\n"
        try TextFile.replace(path, with: Array(text.utf8))
    }

    /// Nothing runs in the namespaces any more: they may go, and slirp4netns with them.
    func end() {
        if let pid = find() { kill(pid, SIGKILL) }
        unlink(path)
    }

    /// After a start that failed: containers that run still have their folders beside ours.
    func endIfUnused() {
        let containers = folder.split(separator: "/").dropLast().reduce(into: "") { $0 += "/" + $1 } + "/containers"
        guard let listing = opendir(containers) else { return end() }
        defer { closedir(listing) }
        var count = 0
        while readdir(listing) != nil { count += 1 }
        // `.` and `..`
        if count <= 2 { end() }
    }

    /// Field 22 of /proc/PID/stat, behind a name that may hold anything.
    private static func startTime(_ pid: Int32) -> String? {
        guard let text = try? TextFile.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }
}
