// SPDX-License-Identifier: Apache-2.0
// One control group over all hierarchies of the machine: make, enter, freeze, kill, read, remove.
import Glibc

/// A container's control group. On v1 it is one folder per hierarchy, on v2 a single one.
package struct ControlGroup: Sendable {
    package let layout: CgroupLayout
    /// Absolute within each hierarchy: `/docker/<id>`.
    package let path: String

    package init(layout: CgroupLayout, path: String) {
        self.layout = layout
        self.path = "/" + path.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
    }

    /// The folders, one per hierarchy; beside v1 hierarchies the v2 tree counts as one, though it carries no limits.
    package var folders: [String] {
        (layout.hierarchies.map(\.mountPoint) + [layout.unified].compactMap { $0 }).map { $0 + path }
    }

    /// The folder that holds a controller's files; on v2 always the same. Nil when v1 lacks the controller.
    package func folder(_ controller: String) -> String? {
        layout.isUnified ? (layout.unified ?? "") + path : layout.mountPoint(of: controller).map { $0 + path }
    }

    package func make() throws {
        if layout.isUnified { return try makeUnified() }
        for hierarchy in layout.hierarchies {
            try TextFile.makeFolders(hierarchy.mountPoint + path)
            if hierarchy.controllers.contains("cpuset") { try inheritCpuset(hierarchy.mountPoint) }
        }
        // It carries no limits: a machine that refuses it loses nothing.
        if let unified = layout.unified { try? TextFile.makeFolders(unified + path) }
    }

    /// A v1 cpuset starts empty and takes no process until it has CPUs and memory nodes.
    private func inheritCpuset(_ mountPoint: String) throws {
        var folder = mountPoint
        for part in path.split(separator: "/") {
            let parent = folder
            folder += "/" + part
            for name in ["cpuset.cpus", "cpuset.mems"] {
                let own = try TextFile.text("\(folder)/\(name)")
                guard own.allSatisfy(\.isWhitespace) else { continue }
                try TextFile.write(try TextFile.text("\(parent)/\(name)"), to: "\(folder)/\(name)")
            }
        }
    }

    /// Every folder above the leaf must hand its controllers down.
    private func makeUnified() throws {
        var folder = layout.unified ?? ""
        let available = try TextFile.text(folder + "/cgroup.controllers").split(whereSeparator: \.isWhitespace)
        for part in path.split(separator: "/") {
            let enabled = try TextFile.text(folder + "/cgroup.subtree_control").split(whereSeparator: \.isWhitespace)
            for controller in available where !enabled.contains(controller) {
                // A controller may be unavailable below (realtime tasks hold cpu); a limit that needs it then fails by name.
                try? TextFile.write("+\(controller)", to: folder + "/cgroup.subtree_control")
            }
            folder += "/" + part
            if mkdir(folder, 0o755) != 0 && errno != EEXIST { throw Errno(call: "mkdir \(folder)") }
        }
    }

    package func add(_ pid: Int32) throws(Errno) {
        let text = String(pid)
        let v2 = layout.unified.map { $0 + path }
        for folder in folders {
            if !layout.isUnified, folder == v2, !TextFile.exists(folder) { continue }
            try TextFile.write(text, to: folder + "/cgroup.procs")
        }
    }

    /// Adds a process to a group that already holds `member`. A v2 group whose owner made groups below it and hands
    /// controllers down to them takes no processes itself (cgroups(7), "no internal processes"): then it goes where
    /// the member went.
    package func add(_ pid: Int32, beside member: Int32) throws(Errno) {
        do { try add(pid) } catch {
            guard layout.isUnified, error.code == EBUSY || error.code == EOPNOTSUPP, let root = layout.unified,
                let line = try TextFile.text("/proc/\(member)/cgroup").split(separator: "\n").first(where: {
                    $0.hasPrefix("0::")
                }),
                line.dropFirst(3).hasPrefix(path + "/")
            else { throw error }
            try TextFile.write(String(pid), to: root + line.dropFirst(3) + "/cgroup.procs")
        }
    }

    /// All processes in the group and the groups made below it.
    package func processes() -> [Int32] {
        guard let folder = self.folder("pids") ?? folders.first else { return [] }
        return Self.processes(below: folder)
    }

    private static func processes(below folder: String) -> [Int32] {
        // Gone means empty: the group may be removed at any time.
        let own = (try? TextFile.text(folder + "/cgroup.procs")) ?? ""
        var found = own.split(separator: "\n").compactMap { Int32($0) }
        for child in subfolders(folder) { found += processes(below: folder + "/" + child) }
        return found
    }

    private static func subfolders(_ folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Stops or continues every process; waits until the kernel has done it.
    package func setFrozen(_ frozen: Bool) throws {
        if layout.isUnified {
            guard let folder = folder("freezer") else { return }
            try TextFile.write(frozen ? "1" : "0", to: folder + "/cgroup.freeze")
            return try waitFor(folder + "/cgroup.events", frozen ? "frozen 1" : "frozen 0")
        }
        guard let folder = folder("freezer") else { throw Errno(call: "freezer cgroup", code: ENOENT) }
        let state = frozen ? "FROZEN" : "THAWED"
        for attempt in 0..<500 {
            try TextFile.write(state, to: folder + "/freezer.state")
            if try TextFile.text(folder + "/freezer.state").hasPrefix(state) { return }
            // A process that is being made while the group freezes can hold it in FREEZING; thawing briefly lets it pass.
            if frozen && attempt % 50 == 49 { try TextFile.write("THAWED", to: folder + "/freezer.state") }
            usleep(1000)
        }
        // The failure below is what the caller needs to know.
        try? TextFile.write("THAWED", to: folder + "/freezer.state")
        throw Errno(call: "freeze", code: EBUSY)
    }

    package var isFrozen: Bool {
        guard let folder = folder("freezer") else { return false }
        let name = layout.isUnified ? "/cgroup.freeze" : "/freezer.state"
        let text = (try? TextFile.text(folder + name)) ?? ""  // a removed group is not frozen
        return layout.isUnified ? text.hasPrefix("1") : text.hasPrefix("FR")
    }

    private func waitFor(_ file: String, _ line: String) throws {
        for _ in 0..<2000 {
            if try TextFile.text(file).contains(line) { return }
            usleep(500)
        }
        throw Errno(call: "freeze", code: EBUSY)
    }

    /// How often the kernel killed a process of this group for memory.
    package func oomKills() -> Int {
        guard let folder = folder("memory") else { return 0 }
        let file = folder + (layout.isUnified ? "/memory.events" : "/memory.oom_control")
        guard let text = try? TextFile.text(file) else { return 0 }  // a group without memory controller counts nothing
        for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
            return Int(line.dropFirst(9)) ?? 0
        }
        return 0
    }

    /// Removes the group with all below it. Processes that still die keep it busy for a moment.
    package func remove() throws {
        for folder in folders { try Self.remove(folder) }
    }

    private static func remove(_ folder: String) throws {
        for attempt in 0..<200 {
            if rmdir(folder) == 0 || errno == ENOENT { return }
            let code = errno
            guard code == EBUSY || code == ENOTEMPTY else { throw Errno(call: "rmdir \(folder)", code: code) }
            for child in subfolders(folder) { try remove(folder + "/" + child) }
            if attempt > 0 { usleep(1000 * UInt32(min(attempt, 20))) }
        }
        throw Errno(call: "rmdir \(folder)", code: EBUSY)
    }
}
