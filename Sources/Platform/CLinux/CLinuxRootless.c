// SPDX-License-Identifier: Apache-2.0
// See CLinuxRootless.h.
#include "CLinux.h"

#include <stdio.h>
#include <string.h>

/// What the holder tells: an errno value, 0 for success, and the step it speaks of.
struct report {
    int code;
    int step;
};

static const char *const steps[] = {"unshare(CLONE_NEWUSER)", "setresgid", "setresuid", "unshare(CLONE_NEWNS | CLONE_NEWNET)",
                                    "mount /", "bring up lo", "execve"};

static void tell(int control, int step, int code) {
    struct report report = {code, step};
    ssize_t written;
    do written = write(control, &report, sizeof report);
    while (written < 0 && errno == EINTR);
}

static void give_up(int control, int step) {
    tell(control, step, errno);
    _exit(1);
}

static void hold(const char *program, char *const arguments[], const char *resolver, int keep, int control) {
    if (unshare(CLONE_NEWUSER) < 0) give_up(control, 0);
    tell(control, 0, 0);
    char byte;
    if (read(control, &byte, 1) != 1) _exit(1);
    if (setresgid(0, 0, 0) < 0) give_up(control, 1);
    if (setresuid(0, 0, 0) < 0) give_up(control, 2);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0) give_up(control, 3);
    if (mount("", "/", NULL, MS_SLAVE | MS_REC, NULL) < 0) give_up(control, 4);
    // A machine without that file, or with a dangling link there, has no resolver to replace.
    if (resolver) (void)!mount(resolver, "/etc/resolv.conf", NULL, MS_BIND, NULL);
    if (apus_loopback_up() < 0) give_up(control, 5);
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
    // `keep` becomes descriptor 3; the channel above it closes by itself when the program runs.
    int channel = fcntl(control, F_DUPFD_CLOEXEC, 16), kept = fcntl(keep, F_DUPFD_CLOEXEC, 16);
    if (channel < 0 || kept < 0 || dup2(kept, 3) < 0) give_up(control, 6);
    apus_close_range(4, ~0U, 4);  // CLOSE_RANGE_CLOEXEC
    apus_reset_signals();
    char *const environment[] = {NULL};
    execve(program, arguments, environment);
    give_up(channel, 6);
}

static int heard(int control, const char **step) {
    struct report report;
    ssize_t count;
    do count = read(control, &report, sizeof report);
    while (count < 0 && errno == EINTR);
    if (count == 0) return 0;
    if (count != sizeof report || report.step < 0 || report.step >= (int)(sizeof steps / sizeof *steps)) {
        *step = "holder";
        errno = EPROTO;
        return -1;
    }
    *step = steps[report.step];
    errno = report.code;
    return report.code ? -1 : 1;
}

pid_t apus_holder_start(
    const char *program, char *const arguments[], const char *resolver, int keep, int *control, const char **step) {
    int ends[2];
    *step = "socketpair";
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
    *step = "fork";
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        hold(program, arguments, resolver, keep, ends[1]);
    }
    int code = errno;
    close(ends[1]);
    if (pid > 0) {
        int result = heard(ends[0], step);
        if (result == 1) {
            *control = ends[0];
            return pid;
        }
        code = result == 0 ? ECHILD : errno;
        waitpid(pid, NULL, 0);
    }
    close(ends[0]);
    errno = code;
    return -1;
}

int apus_holder_continue(int control, const char **step) {
    *step = "holder";
    ssize_t written = write(control, "m", 1);
    int result = written == 1 ? heard(control, step) : -1;
    int code = errno;
    close(control);
    errno = code;
    return result < 0 ? -1 : 0;
}

int apus_holder_enter(pid_t holder) {
    static const char *const names[] = {"user", "mnt", "net"};
    int files[3];
    for (int index = 0; index < 3; index++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)holder, names[index]);
        files[index] = open(path, O_RDONLY | O_CLOEXEC);
        if (files[index] < 0) return -1;
    }
    char folder[4096];
    if (!getcwd(folder, sizeof folder)) strcpy(folder, "/");
    if (setns(files[0], CLONE_NEWUSER) < 0) return -1;
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) return -1;
    if (setns(files[1], CLONE_NEWNS) < 0 || setns(files[2], CLONE_NEWNET) < 0) return -1;
    // Entering a mount namespace leads to its root.
    if (chdir(folder) < 0 && chdir("/") < 0) return -1;
    for (int index = 0; index < 3; index++) close(files[index]);
    return 0;
}
