// SPDX-License-Identifier: Apache-2.0
// The root file system of a container with a user namespace: an overlay of layers whose owners are mapped.
import CLinux
import Glibc
import Linux
import OCI

/// Layers keep the owners they have on disk; the container's users are mapped onto them by idmapped mounts, so that no layer is
/// ever copied for a container, and a container's changes look the same on disk whoever made them.
enum MappedRoot {
    /// An overlay of layers whose owners are mapped. Before Linux 6.15 overlayfs takes only layers that are attached: they are,
    /// for a moment, in a mount namespace of this process's own.
    static func make(_ plan: ContainerPlan) throws -> DetachedMount {
        guard case .overlay(let layers, let upper, _, let options, _) = plan.rootSource else {
            throw RuntimeError(.invalid, "only the owners of an overlay's layers can be mapped")
        }
        let owners = try namespace(plan.linux)
        try check("unshare") { apus_unshare(0x0002_0000) }
        try check("mount /") { Glibc.mount("", "/", nil, UInt(Propagation.slave | Propagation.recursive), nil) }
        let stage = plan.rootPath
        try check("mount stage") { Glibc.mount("stage", stage, "tmpfs", 0, "mode=700") }
        defer { _ = umount2(stage, 2) }
        func attach(_ path: String, as name: String) throws {
            let tree = try DetachedMount.bind(AT_FDCWD, path, recursive: false)
            do { try tree.mapOwners(by: owners) } catch {
                guard error.code == EINVAL || error.code == EOPNOTSUPP else { throw error }
                throw RuntimeError(.invalid, "the file system of \(path) cannot map owners for user namespaces")
            }
            try check("mkdir") { mkdir(stage + "/" + name, 0o700) }
            try tree.attach(on: try OwnedFD.open(stage + "/" + name, O_PATH | O_DIRECTORY))
        }
        for (index, layer) in layers.enumerated() { try attach(layer, as: String(index)) }
        var places: (upper: String?, work: String?)
        if let upper, let (parent, name) = GuestRoot.split(upper) {
            // The work folder must be on the same mount: it is the upper layer's neighbour.
            try attach(parent, as: "top")
            places = (stage + "/top/" + name, stage + "/top/work")
        }
        return try DetachedMount.overlay(
            layers: layers.indices.map { "\(stage)/\($0)" }, upper: places.upper, work: places.work, options: options,
            staging: stage)
    }

    /// A namespace that maps as the container's does. Overlayfs acts as the host's root, who needs an owner on disk, too: the
    /// first number behind the container's.
    private static func namespace(_ linux: RuntimeSpec.Linux) throws -> OwnedFD {
        func lines(_ mappings: [RuntimeSpec.IDMapping]) -> String {
            let text = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
            let end = mappings.map { UInt64($0.containerID) + UInt64($0.size) }.max() ?? 0
            guard end < UInt64(UInt32.max), !mappings.contains(where: { $0.hostID == 0 }) else { return text }
            return text + "\(end) 0 1\n"
        }
        return try DetachedNamespace.user(uidMap: lines(linux.uidMappings), gidMap: lines(linux.gidMappings))
    }
}
