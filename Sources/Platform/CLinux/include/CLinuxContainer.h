// SPDX-License-Identifier: Apache-2.0
// System calls for making containers: clone3, credentials, seccomp, terminals. Every function returns -1 and sets errno on failure.
#ifndef APUS_CLINUX_CONTAINER_H
#define APUS_CLINUX_CONTAINER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// clone3(2) without a new stack, as fork(2): returns twice. `pidfd` may be NULL; `cgroup` < 0 means the parent's control group.
pid_t apus_clone(uint64_t flags, int *pidfd, int cgroup);

int apus_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/// capset(2) of the calling thread, 64-bit sets.
int apus_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/// The permitted set of the calling thread.
uint64_t apus_permitted_capabilities(void);

/// Loads a classic BPF program as seccomp filter: `length` is a number of 8-byte instructions.
int apus_seccomp_load(const void *program, unsigned short length, unsigned flags);

int apus_setrlimit(int resource, uint64_t soft, uint64_t hard);

/// keyctl(KEYCTL_JOIN_SESSION_KEYRING).
int apus_join_session_keyring(const char *name);

int apus_mknodat(int directory, const char *name, mode_t mode, unsigned major, unsigned minor);

/// The device number parts of an open descriptor; `mode` is st_mode.
int apus_device_of(int fd, unsigned *mode, unsigned *major, unsigned *minor);

int apus_personality(unsigned long persona);
int apus_ioprio_set(int class_and_priority);

/// Terminals: unlock a master, open its peer (TIOCGPTPEER), size, and make it the controlling terminal.
int apus_tty_unlock(int master);
int apus_tty_peer(int master, int flags);
int apus_tty_resize(int fd, unsigned short rows, unsigned short columns);
int apus_tty_control(int fd);

/// setgroups(2), setresgid(2), setresuid(2) of the calling (only) thread.
int apus_set_identity(uid_t uid, gid_t gid, const gid_t *groups, size_t count);

/// Blocks every signal: they stay pending for `apus_wait_signal`.
void apus_block_signals(void);

/// Waits for the next of the blocked signals; fills in the number. Returns 0 or an errno value.
int apus_wait_signal(int *signal);

/// While on, signals that ask a program to end do so at once, even for pid 1 of a namespace; off restores their defaults.
void apus_end_on_signals(int on);

/// Resets all dispositions to default and unblocks everything, as a fresh program expects.
void apus_reset_signals(void);

/// Loads a cgroup device program (eBPF instructions, 8 bytes each) and attaches it to a cgroup v2 folder.
int apus_attach_device_program(int cgroup, const void *program, unsigned count);

/// The mount calls on descriptors (fsopen(2) and its kin), with the flags that never vary filled in.
int apus_fsopen(const char *type);
/// Sets a parameter; a NULL value makes it a flag.
int apus_fsconfig(int context, const char *key, const char *value);
/// Creates the superblock and returns a detached mount with the given MOUNT_ATTR_* set.
int apus_fsmount(int context, unsigned attributes);
/// A detached copy of the mount at `path` below `directory` (an empty path means the descriptor itself).
int apus_open_tree(int directory, const char *path, int recursive);
/// Attaches a detached mount on the file behind `target`.
int apus_move_mount(int mount, int target);
int apus_mount_setattr(int fd, int recursive, uint64_t set, uint64_t clear, uint64_t propagation);

/// Brings up `lo` of the current network namespace.
int apus_loopback_up(void);

/// execve(2) with this program's own environment.
int apus_execute(const char *path, char *const arguments[]);

/// Returns unused heap to the kernel.
void apus_trim_heap(void);

/// Returns unused heap, the used-up stack below the caller, and code that was mapped to the kernel. For a static program with one
/// thread that is about to wait for long.
void apus_trim_pages(void);

#endif
