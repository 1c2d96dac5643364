// SPDX-License-Identifier: Apache-2.0
// The container's mounts: what every container has, then the user's, parents before children.
import OCI
import Primitives

extension OCISpecBuilder {
    func mounts() throws(EngineError) -> [RuntimeSpec.Mount] {
        let wanted = configuration.mounts.map { (mount: $0, path: Self.cleaned($0.destination)) }
        let destinations = Set(wanted.map(\.path))
        // A mount of the user's replaces the usual one; over /dev also those below it.
        var out = try standardMounts().filter {
            !destinations.contains($0.destination)
                && !(destinations.contains("/dev") && $0.destination.hasPrefix("/dev/"))
        }
        let ordered = wanted.enumerated().sorted {
            (Self.depth($0.element.path), $0.offset) < (Self.depth($1.element.path), $1.offset)
        }
        for (_, entry) in ordered {
            var made = try Self.mount(entry.mount, at: entry.path)
            if let owners = entry.mount.owners {
                let mappings = try owners.mappings(configuration.users)
                made.uidMappings = mappings.users
                made.gidMappings = mappings.groups
                // What is mounted below must not show the owners that the map hides.
                made.options.append(entry.mount.nonRecursive ? "idmap" : "ridmap")
            } else if entry.mount.keepsOwners, let users = configuration.users {
                made.uidMappings = UserMapping.mappings(users.users)
                made.gidMappings = UserMapping.mappings(users.groups)
            }
            out.append(made)
        }
        return out
    }

    private func standardMounts() throws(EngineError) -> [RuntimeSpec.Mount] {
        let access = configuration.privileged ? [] : ["ro"]
        return [
            RuntimeSpec.Mount(
                destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            RuntimeSpec.Mount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            RuntimeSpec.Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            RuntimeSpec.Mount(
                destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev"] + access),
            RuntimeSpec.Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: access + ["nosuid", "noexec", "nodev"]),
            messageQueues,
        ] + (configuration.hasSharedMemory ? [try sharedMemory()] : [])
    }

    /// Only who rules the IPC namespace may mount its queues; the host's are bound into a user namespace.
    private var messageQueues: RuntimeSpec.Mount {
        guard configuration.users != nil || host.isRootless, configuration.namespaces.ipc == .host else {
            return RuntimeSpec.Mount(
                destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"])
        }
        return RuntimeSpec.Mount(
            destination: "/dev/mqueue", type: "bind", source: "/dev/mqueue", options: ["rbind", "rprivate"])
    }

    private func sharedMemory() throws(EngineError) -> RuntimeSpec.Mount {
        let source: String
        switch (configuration.shmPath, configuration.namespaces.ipc) {
        case (let path?, _): source = path
        case (nil, .host): source = "/dev/shm"
        case (nil, .own):
            let size = configuration.shmSize > 0 ? configuration.shmSize : 67_108_864
            return RuntimeSpec.Mount(
                destination: "/dev/shm", type: "tmpfs", source: "shm",
                options: ["nosuid", "noexec", "nodev", "mode=1777", "size=\(size)"])
        case (nil, .path(let path)):
            throw .invalidArgument("the IPC namespace \(path) needs the /dev/shm that belongs to it")
        }
        return RuntimeSpec.Mount(destination: "/dev/shm", type: "bind", source: source, options: ["rbind", "rprivate"])
    }

    private static func mount(_ mount: TaskMount, at destination: String) throws(EngineError) -> RuntimeSpec.Mount {
        guard destination.hasPrefix("/"), destination != "/" else {
            throw .invalidArgument("invalid mount destination: '\(mount.destination)'")
        }
        switch mount.source {
        case .bind(let path):
            guard path.hasPrefix("/") else { throw .invalidArgument("invalid mount path: '\(path)' must be absolute") }
            let readonly = mount.nonRecursive || mount.keepsWritableBelow ? "ro" : "rro"
            let propagation = mount.propagation.isEmpty ? "rprivate" : mount.propagation
            return RuntimeSpec.Mount(
                destination: destination, type: "bind", source: path,
                options: [mount.nonRecursive ? "bind" : "rbind", propagation] + (mount.readonly ? [readonly] : []))
        case .tmpfs(let options):
            return RuntimeSpec.Mount(
                destination: destination, type: "tmpfs", source: "tmpfs",
                options: tmpfsOptions(options + (mount.readonly ? ["ro"] : [])))
        }
    }

    /// Later options win over earlier opposites: `exec` takes `noexec` away, a second `size=` the first.
    private static func tmpfsOptions(_ given: [String]) -> [String] {
        var out = ["noexec", "nosuid", "nodev"]
        for option in given where !option.isEmpty {
            if let group = opposites.first(where: { $0.contains(option) }) {
                out.removeAll(where: group.contains)
            } else if let equals = option.firstIndex(of: "=") {
                let key = option[...equals]
                out.removeAll { $0.hasPrefix(key) }
            }
            out.append(option)
        }
        return out
    }

    private static let opposites = [
        ["exec", "noexec"], ["suid", "nosuid"], ["dev", "nodev"], ["ro", "rw"], ["atime", "noatime"],
        ["diratime", "nodiratime"], ["relatime", "norelatime", "strictatime", "nostrictatime"],
    ]

    /// Folds `.`, `..` and doubled slashes, textually: the destination is a name in the container.
    private static func cleaned(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    private static func depth(_ path: String) -> Int { path.utf8.filter { $0 == UInt8(ascii: "/") }.count }
}
