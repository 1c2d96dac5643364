// SPDX-License-Identifier: Apache-2.0
// System calls and macros that Swift's view of glibc lacks. Every function returns -1 and sets errno on failure.
#ifndef APUS_CLINUX_H
#define APUS_CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "CLinuxContainer.h"
#include "CLinuxNamespaces.h"
#include "CLinuxRootless.h"
#include "CLinuxRuntime.h"

/// openat2(2): `resolve` is a set of RESOLVE_* flags.
int apus_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

int apus_pivot_root(const char *new_root, const char *put_old);
int apus_pidfd_open(pid_t pid, unsigned flags);
int apus_pidfd_send_signal(int pidfd, int signal);
int apus_setns(int fd, int type);
int apus_unshare(int flags);
int apus_close_range(unsigned first, unsigned last, unsigned flags);

/// Sends one packet with up to 32 descriptors (SCM_RIGHTS). Returns the number of bytes sent.
ssize_t apus_send_packet(int socket, const void *bytes, size_t length, const int *descriptors, int descriptor_count, int flags);

/// Receives one packet; received descriptors are close-on-exec. `*descriptor_count` is room on entry, number received on return.
/// Returns 0 at end of stream; a packet larger than `length` fails with EMSGSIZE (its descriptors are closed).
ssize_t apus_receive_packet(int socket, void *bytes, size_t length, int *descriptors, int *descriptor_count, int flags);

/// Credentials of the peer of a unix socket (SO_PEERCRED).
int apus_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

/// bind(2), connect(2), accept4(2), sendto(2), getsockname(2) with plain pointers: glibc's transparent unions do not reach Swift.
int apus_bind(int socket, const void *address, socklen_t length);
int apus_connect(int socket, const void *address, socklen_t length);
int apus_accept(int socket, int flags);
ssize_t apus_sendto(int socket, const void *bytes, size_t length, int flags, const void *address, socklen_t address_length);
int apus_getsockname(int socket, void *address, socklen_t *length);

/// Starts a program with posix_spawn(3): no Swift code runs between fork and exec.
/// `map` holds pairs (descriptor here, number there), ended by -1; every other descriptor above 2 is closed in the child.
/// Descriptors 0, 1, 2 that are not mapped become /dev/null. `new_session` makes the child a session leader.
/// Returns 0 or an errno value.
int apus_spawn(pid_t *pid, const char *path, char *const argv[], char *const envp[], const int *map, int new_session);

#endif
