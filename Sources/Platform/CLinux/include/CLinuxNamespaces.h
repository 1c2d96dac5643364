// SPDX-License-Identifier: Apache-2.0
// User namespaces: making one without entering it, finding the one that owns another, mapping the ids of mounts.
#ifndef APUS_CLINUX_NAMESPACES_H
#define APUS_CLINUX_NAMESPACES_H

#include <stdint.h>
#include <sys/types.h>

/// Makes a user namespace with these maps (the text of /proc/PID/uid_map and gid_map), and when `network` is not NULL a network
/// namespace that it owns. The descriptors are close-on-exec. Safe in a process with threads: what is cloned only waits.
int apus_user_namespace(const char *uid_map, const char *gid_map, int *user, int *network);

/// A descriptor of the user namespace that owns the namespace behind `fd` (ioctl_ns(2)).
int apus_owning_user_namespace(int fd);

/// Maps the owners of a detached mount's files as `user_namespace` does (MOUNT_ATTR_IDMAP of mount_setattr(2)).
int apus_idmap_mount(int mount, int recursive, int user_namespace);

/// prlimit(2) of another process.
int apus_set_limit_of(pid_t pid, int resource, uint64_t soft, uint64_t hard);

#endif
