// SPDX-License-Identifier: Apache-2.0
// The wrappers of CLinuxContainer.h.
#include "CLinuxContainer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

pid_t apus_clone(uint64_t flags, int *pidfd, int cgroup) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = flags;
    // A sibling's end is announced as its new parent wants it.
    arguments.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
    if (pidfd) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = (uint64_t)(uintptr_t)pidfd;
    }
    if (cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

int apus_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}

int apus_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

int apus_seccomp_load(const void *program, unsigned short length, unsigned flags) {
    struct sock_fprog filter = {.len = length, .filter = (struct sock_filter *)program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

int apus_setrlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

int apus_join_session_keyring(const char *name) { return (int)syscall(SYS_keyctl, 1, name); }

int apus_mknodat(int directory, const char *name, mode_t mode, unsigned major, unsigned minor) {
    return mknodat(directory, name, mode, makedev(major, minor));
}

int apus_device_of(int fd, unsigned *mode, unsigned *major, unsigned *minor) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -1;
    *mode = status.st_mode;
    *major = gnu_dev_major(status.st_rdev);
    *minor = gnu_dev_minor(status.st_rdev);
    return 0;
}

int apus_personality(unsigned long persona) { return personality(persona); }
int apus_ioprio_set(int value) { return (int)syscall(SYS_ioprio_set, 1, 0, value); }

int apus_tty_unlock(int master) {
    int zero = 0;
    return ioctl(master, TIOCSPTLCK, &zero);
}

int apus_tty_peer(int master, int flags) { return ioctl(master, TIOCGPTPEER, flags); }

int apus_tty_resize(int fd, unsigned short rows, unsigned short columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(fd, TIOCSWINSZ, &size);
}

int apus_tty_control(int fd) { return ioctl(fd, TIOCSCTTY, 0); }

int apus_set_identity(uid_t uid, gid_t gid, const gid_t *groups, size_t count) {
    if (syscall(SYS_setgroups, count, groups) < 0) {
        // A user namespace with setgroups denied keeps the groups it has; asking for others there is an error.
        if (errno != EPERM || count > 0) return -1;
    }
    if (syscall(SYS_setresgid, gid, gid, gid) < 0) return -1;
    return (int)syscall(SYS_setresuid, uid, uid, uid);
}

void apus_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

int apus_wait_signal(int *number) {
    sigset_t all;
    sigfillset(&all);
    return sigwait(&all, number);
}

static void end_with_signal(int signal) { _exit(128 + signal); }

void apus_end_on_signals(int on) {
    const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = on ? end_with_signal : SIG_DFL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}

void apus_reset_signals(void) {
    for (int number = 1; number < 65; number++)
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int apus_attach_device_program(int cgroup, const void *program, unsigned count) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = (uint64_t)(uintptr_t)program;
    attributes.insn_cnt = count;
    attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    if (fd < 0) return -1;
    memset(&attributes, 0, sizeof attributes);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)fd;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    int result = (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes);
    int code = errno;
    close(fd);
    errno = code;
    return result;
}

void apus_trim_heap(void) { malloc_trim(0); }

extern const char __executable_start[], etext[];

void apus_trim_pages(void) {
    malloc_trim(0);
    const uintptr_t page = 4096;
    // Code is a clean mapping of the program's file: what is needed again is mapped again from the page cache.
    uintptr_t code = (uintptr_t)__executable_start & ~(page - 1), code_end = (uintptr_t)etext & ~(page - 1);
    if (code_end > code) madvise((void *)code, code_end - code, MADV_DONTNEED);
    // The stack below this frame holds nothing any more. The kernel's red zone and this call's own frame stay.
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1), depth = 96 * 1024;
    madvise((void *)(here - page - depth), depth, MADV_DONTNEED);
}

int apus_fsopen(const char *type) { return fsopen(type, FSOPEN_CLOEXEC); }

int apus_fsconfig(int context, const char *key, const char *value) {
    return fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}

int apus_fsmount(int context, unsigned attributes) {
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
    return fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

int apus_open_tree(int directory, const char *path, int recursive) {
    return open_tree(directory, path,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0));
}

int apus_move_mount(int mount, int target) {
    return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int apus_mount_setattr(int fd, int recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = 0};
    return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes);
}

int apus_loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    int result = ioctl(fd, SIOCSIFFLAGS, &request);
    int code = errno;
    close(fd);
    errno = code;
    return result;
}

uint64_t apus_permitted_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0) return 0;
    return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

int apus_execute(const char *path, char *const arguments[]) { return execve(path, arguments, environ); }
