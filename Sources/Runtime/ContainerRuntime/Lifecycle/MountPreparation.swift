// SPDX-License-Identifier: Apache-2.0
// Bind mounts that the container itself may not open: id-mapped ones, and all of a container with other users than the host.
import CLinux
import Glibc
import Linux
import OCI

/// Opens trees with the runtime's rights before the container is cloned, which inherits the descriptors.
enum MountPreparation {
    /// Fills `preparedMounts`; the caller closes them after the clone.
    static func open(for plan: inout ContainerPlan) throws {
        let hasUsers = plan.linux.namespace(.user) != nil
        for (index, mount) in plan.spec.mounts.enumerated() {
            let options = try MountOptions(mount.options)
            guard options.isBind || mount.type == "bind", let source = mount.source else { continue }
            let isMapped = options.idmap != nil || !mount.uidMappings.isEmpty
            guard hasUsers || isMapped, !isBelowRoot(source, plan) else { continue }
            try doing("error mounting \"\(source)\" to rootfs at \"\(mount.destination)\"") {
                plan.preparedMounts[index] = try tree(of: mount, plan).release()
            }
        }
    }

    private static func tree(of mount: RuntimeSpec.Mount, _ plan: ContainerPlan) throws -> OwnedFD {
        let options = try MountOptions(mount.options)
        let source = mount.source ?? ""
        let path = source.hasPrefix("/") ? source : plan.bundle + "/" + source
        let tree = try RootFileSystem.view(of: path, recursive: options.isRecursive)
        if options.idmap != nil || !mount.uidMappings.isEmpty {
            try mapOwners(of: tree, from: path, by: try userNamespace(for: mount, plan), options)
        }
        return try tree.fd.duplicate()
    }

    /// What lies below the root may be made by an earlier mount: it is opened when its turn comes.
    private static func isBelowRoot(_ source: String, _ plan: ContainerPlan) -> Bool {
        source.hasPrefix(plan.rootPath + "/")
    }

    /// Whether the runtime has to open this mount's source while the container's first process builds its tree.
    static func isLate(_ mount: RuntimeSpec.Mount, _ plan: ContainerPlan) throws -> Bool {
        let options = try MountOptions(mount.options)
        guard options.isBind || mount.type == "bind", let source = mount.source else { return false }
        guard plan.linux.namespace(.user) != nil || options.idmap != nil || !mount.uidMappings.isEmpty else {
            return false
        }
        return isBelowRoot(source, plan)
    }

    /// Opens such a source with the runtime's rights, seen from the mount namespace of the process.
    static func openLate(_ index: Int, _ plan: ContainerPlan, pid: Int32) throws -> OwnedFD {
        guard plan.spec.mounts.indices.contains(index), try isLate(plan.spec.mounts[index], plan) else {
            throw RuntimeError(.internalError, "unexpected message")
        }
        let mount = plan.spec.mounts[index]
        var plan = plan
        let users = try OwnedFD.open("/proc/\(pid)/ns/user", O_RDONLY)
        plan.joined = [(.user, users.raw)]
        let folder = try OwnedFD.open(".", O_PATH | O_DIRECTORY)
        let own = try OwnedFD.open("/proc/self/ns/mnt", O_RDONLY)
        try enter(try OwnedFD.open("/proc/\(pid)/ns/mnt", O_RDONLY))
        let tree: OwnedFD
        do { tree = try self.tree(of: mount, plan) } catch {
            try enter(own)
            throw error
        }
        try enter(own)
        let raw = folder.raw
        try check("fchdir") { fchdir(raw) }
        return tree
    }

    private static func enter(_ namespace: borrowing OwnedFD) throws {
        let raw = namespace.raw
        try check("setns") { apus_setns(raw, 0x0002_0000) }
    }

    static func mapOwners(
        of tree: borrowing DetachedMount, from path: String, by users: borrowing OwnedFD, _ options: MountOptions
    ) throws {
        do { try tree.mapOwners(by: users, recursive: options.idmap == .recursive) } catch {
            guard error.code == EINVAL || error.code == EOPNOTSUPP else { throw error }
            throw RuntimeError(
                .invalid,
                "the file system of \(path) cannot map owners (idmapped mounts)"
                    + (options.idmap == .recursive ? ", or one mounted below it" : ""))
        }
    }

    /// The mount's own mappings, or without any those of the container.
    private static func userNamespace(for mount: RuntimeSpec.Mount, _ plan: ContainerPlan) throws -> OwnedFD {
        if mount.uidMappings.isEmpty, let user = plan.joined.first(where: { $0.kind == .user }) {
            return OwnedFD(try check("fcntl") { fcntl(user.fd, F_DUPFD_CLOEXEC, 3) })
        }
        let own = mount.uidMappings.isEmpty
        return try DetachedNamespace.user(
            uidMap: UserMapping.lines(own ? plan.linux.uidMappings : mount.uidMappings),
            gidMap: UserMapping.lines(own ? plan.linux.gidMappings : mount.gidMappings))
    }
}

/// The tables of a user namespace: user_namespaces(7).
enum UserMapping {
    static func lines(_ mappings: [RuntimeSpec.IDMapping]) -> String {
        mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    }

    static func write(for pid: Int32, _ users: [RuntimeSpec.IDMapping], _ groups: [RuntimeSpec.IDMapping]) throws {
        guard !users.isEmpty, !groups.isEmpty else {
            throw RuntimeError(.invalid, "user namespaces enabled, but no uid or gid mappings found")
        }
        try TextFile.write(lines(users), to: "/proc/\(pid)/uid_map")
        if geteuid() != 0 { try TextFile.write("deny", to: "/proc/\(pid)/setgroups") }
        try TextFile.write(lines(groups), to: "/proc/\(pid)/gid_map")
    }
}
