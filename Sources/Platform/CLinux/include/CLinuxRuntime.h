// SPDX-License-Identifier: Apache-2.0
// System calls of a full OCI runtime: siblings, schedulers, affinity, memory policy, terminal size.
// Every function returns -1 and sets errno on failure.
#ifndef APUS_CLINUX_RUNTIME_H
#define APUS_CLINUX_RUNTIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// clone3(2) with CLONE_PARENT: the new process is a child of the caller's parent. Returns twice, as fork(2).
pid_t apus_clone_sibling(uint64_t flags);


/// sched_setattr(2) of the calling process.
int apus_sched_setattr(uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                       uint64_t period);

/// sched_setaffinity(2): `mask` is a bit set of CPUs.
int apus_sched_setaffinity(pid_t pid, const uint8_t *mask, size_t length);

/// set_mempolicy(2): `nodes` is a bit set of `node_count` bits, a multiple of 64.
int apus_set_mempolicy(int mode, const uint64_t *nodes, unsigned long node_count);

/// The window size of a terminal.
int apus_tty_size(int fd, unsigned short *rows, unsigned short *columns);

#endif
