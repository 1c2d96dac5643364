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
            guard hasUsers || isMapped else { continue }
            try doing("error mounting \"\(source)\" to rootfs at \"\(mount.destination)\"") {
                let path = source.hasPrefix("/") ? source : plan.bundle + "/" + source
                let tree = try RootFileSystem.view(of: path, recursive: options.isRecursive)
                if isMapped {
                    let users = try userNamespace(for: mount, plan)
                    try tree.mapOwners(by: users, recursive: options.idmap == .recursive)
                }
                plan.preparedMounts[index] = try tree.fd.duplicate().release()
            }
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
