// SPDX-License-Identifier: Apache-2.0
// The wrappers of CLinuxRuntime.h.
#include "CLinuxRuntime.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t apus_clone_sibling(uint64_t flags) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = flags | CLONE_PARENT;
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

int apus_sched_setattr(uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                       uint64_t period) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {sizeof attributes, policy, flags, nice, priority, runtime, deadline, period};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int apus_sched_setaffinity(pid_t pid, const uint8_t *mask, size_t length) {
    return (int)syscall(SYS_sched_setaffinity, pid, length, mask);
}

int apus_set_mempolicy(int mode, const uint64_t *nodes, unsigned long node_count) {
    return (int)syscall(SYS_set_mempolicy, mode, nodes, node_count);
}

int apus_tty_size(int fd, unsigned short *rows, unsigned short *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
