// SPDX-License-Identifier: Apache-2.0
// Handing a v2 group to a user who may then make groups below it: cgroups(7), "Cgroups delegation".
import Glibc

extension ControlGroup {
    /// Gives the folder and those of its files that the kernel names for it; limits stay with their owner.
    package func delegate(to user: UInt32) throws {
        guard layout.isUnified, let folder = folder("") else { return }
        let names = (try? TextFile.text("/sys/kernel/cgroup/delegate")) ?? ""  // kernels before 4.15 have no list
        let listed = names.split(separator: "\n").map(String.init)
        let files = listed.isEmpty ? ["cgroup.procs", "cgroup.subtree_control"] : listed
        for name in [""] + files.map({ "/" + $0 }) {
            // The list speaks of all controllers; this group has those that were handed down.
            guard lchown(folder + name, user, gid_t.max) != 0, errno != ENOENT else { continue }
            throw Errno(call: "chown \(folder)\(name)")
        }
    }
}
