// SPDX-License-Identifier: Apache-2.0
// The control group that a rootless daemon may divide among its containers, if it was given one.
import Glibc
import Linux

extension RootlessStart {
    /// The daemon's own group of version 2, where it may write (systemd: `Delegate=yes`). The daemon moves to a group below:
    /// one with processes of its own hands no controllers down. Nil where there is none to divide.
    func ownControlGroup() -> String? {
        guard let layout = try? CgroupLayout.detect(), layout.isUnified, let root = layout.unified,
            let line = (try? TextFile.text("/proc/self/cgroup"))?.split(separator: "\n").first(where: {
                $0.hasPrefix("0::/")
            })
        else { return nil }
        var group = String(line.dropFirst(3))
        let leaf = "/apusd"
        if group.hasSuffix(leaf) { group.removeLast(leaf.utf8.count) }
        let folder = root + group
        guard group.count > 1,
            ["", "/cgroup.procs", "/cgroup.subtree_control"].allSatisfy({ access(folder + $0, W_OK) == 0 })
        else { return nil }
        if mkdir(folder + leaf, 0o755) != 0, errno != EEXIST { return nil }
        // Who cannot move has nothing to divide.
        guard (try? TextFile.write(String(getpid()), to: folder + leaf + "/cgroup.procs")) != nil else { return nil }
        return group
    }
}
