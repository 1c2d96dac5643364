// SPDX-License-Identifier: Apache-2.0
// See CLinuxNamespaces.h.
#include "CLinux.h"

#include <linux/mount.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

/// Shares the caller's memory: it must neither return nor touch errno. SIGKILL ends it.
static int wait_for_ever(void *unused) {
    (void)unused;
    for (;;) pause();
}

static int write_file(pid_t pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    int code = errno;
    close(fd);
    errno = code;
    return written < 0 ? -1 : 0;
}

static int open_namespace(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int apus_user_namespace(const char *uid_map, const char *gid_map, int *user, int *network) {
    const size_t size = 64 * 1024;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    // The child inherits the mask: no handler of ours runs in it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int flags = CLONE_VM | CLONE_NEWUSER | SIGCHLD | (network ? CLONE_NEWNET : 0);
    pid_t pid = clone(wait_for_ever, stack + size, flags, NULL);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        munmap(stack, size);
        errno = code;
        return -1;
    }
    int first = -1, second = -1, failed = 0;
    if (write_file(pid, "uid_map", uid_map) < 0 || write_file(pid, "gid_map", gid_map) < 0) failed = 1;
    if (!failed && (first = open_namespace(pid, "user")) < 0) failed = 1;
    if (!failed && network && (second = open_namespace(pid, "net")) < 0) failed = 1;
    code = errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    munmap(stack, size);
    if (failed) {
        if (first >= 0) close(first);
        errno = code;
        return -1;
    }
    *user = first;
    if (network) *network = second;
    return 0;
}

int apus_owning_user_namespace(int fd) { return ioctl(fd, NS_GET_USERNS); }

int apus_idmap_mount(int mount, int recursive, int user_namespace) {
    struct { uint64_t set, clear, propagation, user; } attributes = {MOUNT_ATTR_IDMAP, 0, 0, (uint64_t)user_namespace};
    return (int)syscall(
        SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes);
}

int apus_set_limit_of(pid_t pid, int resource, uint64_t soft, uint64_t hard) {
    struct rlimit64 limit = {.rlim_cur = soft, .rlim_max = hard};
    return prlimit64(pid, (enum __rlimit_resource)resource, &limit, NULL);
}
