// SPDX-License-Identifier: Apache-2.0
// Mounts whose files have other owners than on disk: idmapped mounts of mount_setattr(2).
import CLinux
import Glibc

extension DetachedMount {
    /// Takes a detached mount over that another function made.
    package init(adopting fd: consuming OwnedFD) { self.init(fd: fd) }

    /// What the disk calls 0 appears as the user that the namespace's 0 is on the host. Only before the mount is attached, and
    /// only on file systems that can do it.
    package borrowing func mapOwners(by userNamespace: borrowing OwnedFD, recursive: Bool = false) throws(Errno) {
        let (mount, namespace) = (fd.raw, userNamespace.raw)
        try check("mount_setattr(MOUNT_ATTR_IDMAP)") { apus_idmap_mount(mount, recursive ? 1 : 0, namespace) }
    }
}
