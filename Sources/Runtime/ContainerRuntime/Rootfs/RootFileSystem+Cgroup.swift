// SPDX-License-Identifier: Apache-2.0
// The container's view of its control groups at /sys/fs/cgroup.
import CLinux
import Glibc
import Linux
import OCI

extension RootFileSystem {
    /// In a cgroup namespace the hierarchies are mounted anew, their roots are the container's group; else it is bound.
    mutating func mountCgroup(_ entry: RuntimeSpec.Mount, _ options: MountOptions) throws {
        let layout = try plan.cgroup?.layout ?? CgroupLayout.detect()
        let namespaced = plan.linux.namespace(.cgroup) != nil
        if layout.isUnified || entry.type == "cgroup2" {
            let tree =
                try namespaced
                ? DetachedMount.new(type: "cgroup2", source: "cgroup", options: options.data, attributes: options.set)
                : DetachedMount.bind(AT_FDCWD, (layout.unified ?? "") + (plan.cgroup?.path ?? ""), recursive: false)
            if !namespaced { try tree.change(set: options.set) }
            return try tree.attach(on: try root.folder(entry.destination))
        }
        var plain = options.set
        plain.remove(.readonly)
        let top = try DetachedMount.new(type: "tmpfs", source: "tmpfs", options: ["mode=755"], attributes: plain)
        try top.attach(on: try root.folder(entry.destination))
        let folder = try root.folder(entry.destination)
        for hierarchy in layout.hierarchies {
            let name = hierarchy.name
            try check("mkdir") { mkdirat(folder.raw, name, 0o755) }
            let place = OwnedFD(try check("open") { openat(folder.raw, name, O_PATH | O_DIRECTORY | O_CLOEXEC) })
            let tree: DetachedMount
            if namespaced {
                let named = hierarchy.controllers.contains { $0.hasPrefix("name=") }
                tree = try DetachedMount.new(
                    type: "cgroup", source: "cgroup", options: (named ? ["none"] : []) + hierarchy.controllers,
                    attributes: options.set)
            } else {
                tree = try DetachedMount.bind(
                    AT_FDCWD, hierarchy.mountPoint + (plan.cgroup?.path ?? ""), recursive: false)
                try tree.change(set: options.set)
            }
            try tree.attach(on: place)
            guard hierarchy.controllers.count > 1 else { continue }
            for controller in hierarchy.controllers where controller != name {
                try check("symlink") { symlinkat(name, folder.raw, controller) }
            }
        }
        if options.set.contains(.readonly) { lateReadonly.append(entry.destination) }
    }
}
