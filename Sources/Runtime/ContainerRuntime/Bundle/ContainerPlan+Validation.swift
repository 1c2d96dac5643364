// SPDX-License-Identifier: Apache-2.0
// What a spec may not ask for, or not on this host: refused before anything is made, in words runc's users know.
import Glibc
import JSON
import Linux
import OCI

extension ContainerPlan {
    func validate() throws {
        try validateNamespaces()
        for (key, _) in linux.sysctl.pairs { try SysctlKey(key).requireOwnNamespace(linux) }
        try validateMounts()
        if linux.intelRdt != nil, !TextFile.exists("/sys/fs/resctrl/schemata") {
            throw RuntimeError(.invalid, "intelRdt is specified in config, but Intel RDT is not enabled")
        }
        if linux.intelRdt != nil { throw RuntimeError(.invalid, "linux.intelRdt is not supported yet") }
        if linux.netDevices?.object?.isEmpty == false {
            throw RuntimeError(.invalid, "linux.netDevices is not supported yet")
        }
        _ = try linux.memoryPolicy.map(MemoryPolicy.init)
        _ = try SchedulingPlan(process)
        if let resources = linux.resources, !resources.unified.isEmpty, try !CgroupLayout.detect().isUnified {
            throw RuntimeError(
                .invalid, "invalid configuration: resources.unified needs cgroup v2, this host has cgroup v1")
        }
    }

    private func validateNamespaces() throws {
        var seen: Set<RuntimeSpec.Namespace.Kind> = []
        for namespace in linux.namespaces where !seen.insert(namespace.kind).inserted {
            throw RuntimeError(.invalid, "malformed spec file: duplicated ns \"\(namespace.kind.rawValue)\"")
        }
        let hasMappings = !linux.uidMappings.isEmpty || !linux.gidMappings.isEmpty
        if let user = linux.namespace(.user) {
            if user.path == nil && !hasMappings {
                throw RuntimeError(
                    .invalid,
                    "user namespaces enabled, but no namespace path to join nor mappings to apply specified")
            }
        } else if hasMappings {
            throw RuntimeError(
                .invalid, "user namespace mappings specified, but user namespace isn't enabled in the config")
        }
        if spec.hostname?.isEmpty == false, linux.namespace(.uts) == nil {
            throw RuntimeError(.invalid, "unable to set hostname without a private UTS namespace")
        }
        if spec.domainname?.isEmpty == false, linux.namespace(.uts) == nil {
            throw RuntimeError(.invalid, "unable to set domainname without a private UTS namespace")
        }
        if !hasMountNamespace, !linux.maskedPaths.isEmpty || !linux.readonlyPaths.isEmpty {
            throw RuntimeError(.invalid, "unable to restrict sys entries without a private MNT namespace")
        }
        guard linux.timeOffsets != nil else { return }
        guard let time = linux.namespace(.time) else {
            throw RuntimeError(
                .invalid, "time namespace offsets specified, but time namespace isn't enabled in the config")
        }
        if time.path != nil {
            throw RuntimeError(
                .invalid,
                "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one"
            )
        }
    }

    private func validateMounts() throws {
        for mount in spec.mounts {
            let options = try MountOptions(mount.options)
            let isBind = options.isBind || mount.type == "bind"
            guard options.idmap != nil || !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty else { continue }
            guard isBind else {
                throw RuntimeError(
                    .invalid, "invalid mount \(mount.destination): id-mapped mounts are only supported for bind-mounts")
            }
            let isHost = mount.uidMappings.isEmpty && mount.gidMappings.isEmpty
            if isHost, linux.namespace(.user) == nil {
                throw RuntimeError(
                    .invalid,
                    "invalid mount \(mount.destination): id-mapped mounts must have both uid and gid mappings specified"
                )
            }
            if !isHost, mount.uidMappings.isEmpty || mount.gidMappings.isEmpty {
                throw RuntimeError(
                    .invalid,
                    "invalid mount \(mount.destination): id-mapped mounts must have both uid and gid mappings specified"
                )
            }
        }
    }
}
