// SPDX-License-Identifier: Apache-2.0
// Whether a container rules its own control group, and as whom.
import OCI

extension ContainerPlan {
    /// The host's number of the container's root, where users, the group's namespace and a writable tree are its own.
    var groupOwner: UInt32? {
        guard linux.namespace(.user) != nil, let namespace = linux.namespace(.cgroup), namespace.path == nil,
            let mount = spec.mounts.last(where: { $0.destination == "/sys/fs/cgroup" }),
            mount.type == "cgroup" || mount.type == "cgroup2", !mount.options.contains("ro")
        else { return nil }
        return linux.uidMappings.first { $0.containerID == 0 }.map { UInt32(clamping: $0.hostID) }
    }
}
