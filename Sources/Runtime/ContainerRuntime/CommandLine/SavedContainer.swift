// SPDX-License-Identifier: Apache-2.0
// What the command line remembers of a container between two calls: `<root>/<id>/state.json`.
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

/// A container made by `create`; its status is observed, never stored.
struct SavedContainer {
    let folder: String
    let id: String
    let bundle: String
    let pid: Int32
    /// Tells the process from a later one with the same number.
    let startTicks: String
    let created: String

    static func folder(root: String, id: String) throws -> String {
        let allowed = id.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || Array("_+-.".utf8).contains($0)
        }
        guard !id.isEmpty, allowed, id != ".", id != ".." else {
            throw RuntimeError(.invalid, "invalid container ID format: \(id)")
        }
        return "\(root)/\(id)"
    }

    init(folder: String, id: String, bundle: String, pid: Int32) {
        self.folder = folder
        self.id = id
        self.bundle = bundle
        self.pid = pid
        startTicks = Self.ticks(pid)?.start ?? ""
        created = Timestamp.now().rfc3339Nano
    }

    static func load(root: String, id: String) throws -> SavedContainer {
        let folder = try folder(root: root, id: id)
        guard let bytes = try? TextFile.bytes(folder + "/state.json") else {
            throw RuntimeError(.notFound, "container does not exist: \"\(id)\"")
        }
        let json = try JSONValue.parse(bytes)
        guard let bundle = json["bundle"]?.string, let pid = json["pid"]?.int else {
            throw RuntimeError(.internalError, "\(folder)/state.json is damaged")
        }
        return SavedContainer(
            folder: folder, id: id, bundle: bundle, pid: Int32(clamping: pid),
            startTicks: json["startTicks"]?.string ?? "", created: json["created"]?.string ?? "")
    }

    private init(folder: String, id: String, bundle: String, pid: Int32, startTicks: String, created: String) {
        self.folder = folder
        self.id = id
        self.bundle = bundle
        self.pid = pid
        self.startTicks = startTicks
        self.created = created
    }

    func save() throws {
        let json: JSONValue = [
            "id": .string(id), "bundle": .string(bundle), "pid": .int(Int64(pid)), "startTicks": .string(startTicks),
            "created": .string(created),
        ]
        try TextFile.replace(folder + "/state.json", with: json.serialize())
    }

    /// The spec as it was when the container was made.
    func plan() throws -> ContainerPlan {
        var plan = try ContainerPlan(id: id, bundle: folder, seccompCache: nil, compilesFilter: false)
        try plan.defaultCgroup()
        return plan
    }

    var isAlive: Bool {
        guard let now = Self.ticks(pid) else { return false }
        return now.start == startTicks && now.state != "Z" && now.state != "X"
    }

    func status() -> String {
        guard isAlive else { return "stopped" }
        if TextFile.exists(folder + "/exec.fifo") { return "created" }
        let group = try? plan().cgroup  // a spec that does not load any more leaves the question of freezing open
        return group?.isFrozen == true ? "paused" : "running"
    }

    func signal(_ number: Int32) throws {
        guard isAlive else { throw RuntimeError(.notFound, "container not running") }
        if kill(pid, number) == 0 { return }
        if errno == ESRCH { throw RuntimeError(.notFound, "container not running") }
        throw Errno(call: "kill")
    }

    func removeFolder() {
        for name in ["exec.fifo", "state.json", "config.json"] { _ = unlink("\(folder)/\(name)") }
        _ = rmdir(folder)
    }

    /// Fields 3 and 22 of /proc/PID/stat: the name between them may hold anything, parentheses too.
    private static func ticks(_ pid: Int32) -> (state: String, start: String)? {
        guard pid > 0, let text = try? TextFile.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? (String(fields[0]), String(fields[19])) : nil
    }
}

extension ContainerPlan {
    /// Without a word about it a container's group is called after the container, as runc has it.
    mutating func defaultCgroup() throws {
        guard cgroup == nil else { return }
        cgroup = ControlGroup(layout: try CgroupLayout.detect(), path: "/" + id)
    }
}
