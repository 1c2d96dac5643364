// SPDX-License-Identifier: Apache-2.0
// The wrappers of CLinux.h.
#include "CLinux.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

int apus_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int apus_pivot_root(const char *new_root, const char *put_old) { return (int)syscall(SYS_pivot_root, new_root, put_old); }
int apus_pidfd_open(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
int apus_pidfd_send_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }
int apus_setns(int fd, int type) { return setns(fd, type); }
int apus_unshare(int flags) { return unshare(flags); }
int apus_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int apus_bind(int socket, const void *address, socklen_t length) { return bind(socket, address, length); }
int apus_connect(int socket, const void *address, socklen_t length) { return connect(socket, address, length); }
int apus_accept(int socket, int flags) { return accept4(socket, NULL, NULL, flags); }
ssize_t apus_sendto(int socket, const void *bytes, size_t length, int flags, const void *address, socklen_t address_length) {
    return sendto(socket, bytes, length, flags, address, address_length);
}
int apus_getsockname(int socket, void *address, socklen_t *length) { return getsockname(socket, address, length); }

enum { max_descriptors = 32 };

ssize_t apus_send_packet(int socket, const void *bytes, size_t length, const int *descriptors, int count, int flags) {
    if (count < 0 || count > max_descriptors) {
        errno = EINVAL;
        return -1;
    }
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * max_descriptors)];
    } control;
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    }
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

ssize_t apus_receive_packet(int socket, void *bytes, size_t length, int *descriptors, int *count, int flags) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * max_descriptors)];
    } control;
    struct iovec vector = {.iov_base = bytes, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int room = *count, found = 0;
    *count = 0;
    ssize_t result = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (result < 0) return result;
    int truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < received; index++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + index * sizeof(int), sizeof fd);
            if (truncated || found >= room)
                close(fd);
            else
                descriptors[found++] = fd;
        }
    }
    if (truncated) {
        errno = EMSGSIZE;
        return -1;
    }
    *count = found;
    return result;
}

int apus_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

int apus_spawn(pid_t *pid, const char *path, char *const argv[], char *const envp[], const int *map, int new_session) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    int pairs = 0, highest = 2, taken[3] = {0, 0, 0};
    for (; map && map[2 * pairs] != -1; pairs++) {
        if (map[2 * pairs] > highest) highest = map[2 * pairs];
        if (map[2 * pairs + 1] > highest) highest = map[2 * pairs + 1];
        if (map[2 * pairs + 1] <= 2) taken[map[2 * pairs + 1]] = 1;
    }
    // Sources first move above every target, so that no dup2 overwrites a source that is still needed.
    int base = highest + 1, top = 2;
    for (int index = 0; index < pairs && !error; index++)
        error = posix_spawn_file_actions_adddup2(&actions, map[2 * index], base + index);
    for (int index = 0; index < pairs && !error; index++) {
        error = posix_spawn_file_actions_adddup2(&actions, base + index, map[2 * index + 1]);
        if (map[2 * index + 1] > top) top = map[2 * index + 1];
    }
    for (int fd = 0; fd < 3 && !error; fd++)
        if (!taken[fd]) error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
    // Holes between 3 and the highest target hold close-on-exec descriptors of ours; everything above goes here.
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, top + 1);

    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session) flags |= POSIX_SPAWN_SETSID;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (!error) error = posix_spawnattr_setflags(&attributes, flags);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) error = posix_spawn(pid, path, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}
