// SPDX-License-Identifier: Apache-2.0
// Namespaces for a daemon without privileges. Call these only while the process has one thread.
#ifndef APUS_CLINUX_ROOTLESS_H
#define APUS_CLINUX_ROOTLESS_H

#include <sys/types.h>

/// Starts a program that holds a user, a mount and a network namespace of their own. Returns its pid once the user namespace is
/// made; it waits until `apus_holder_continue` says that its users are mapped. `*control` is the channel for that. `resolver` is
/// bound over /etc/resolv.conf there unless NULL. `keep` stays open in it. On failure -1 and errno, `*step` names what failed.
pid_t apus_holder_start(
    const char *program, char *const arguments[], const char *resolver, int keep, int *control, const char **step);

/// Lets the holder go on; returns when it runs its program. Closes `control`. On failure -1 and errno, `*step` names what failed.
int apus_holder_continue(int control, const char **step);

/// Becomes root of the holder's user namespace and enters its mount and network namespaces.
int apus_holder_enter(pid_t holder);

#endif
