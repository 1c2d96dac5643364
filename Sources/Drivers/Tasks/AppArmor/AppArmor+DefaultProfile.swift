// SPDX-License-Identifier: Apache-2.0
// The profile that every container wears unless it asks for another: apparmor.d(5).

extension AppArmor {
    /// Stands alone: no file of /etc/apparmor.d is needed to compile it. Ordinary work is allowed; what reaches the kernel's
    /// knobs through /proc and /sys, and mounts, is not, whatever capabilities the container has.
    static let profileText = """
        profile \(defaultProfile) flags=(attach_disconnected,mediate_deleted) {
          network,
          unix,
          capability,
          file,
          umount,

          # The host's processes may signal and trace those inside; these only each other.
          signal (receive) peer=unconfined,
          signal (send,receive) peer=\(defaultProfile),
          ptrace (tracedby,readby) peer=unconfined,
          ptrace (trace,read,tracedby,readby) peer=\(defaultProfile),

          # /proc: only the processes' own folders and a few sysctls of the container's namespaces may be written.
          deny /proc/* w,
          deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
          deny /proc/sys/[^k]** w,
          deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
          deny /proc/sysrq-trigger rwklx,
          deny /proc/kcore rwklx,

          deny mount,

          # /sys: only control groups may be written.
          deny /sys/[^f]*/** wklx,
          deny /sys/f[^s]*/** wklx,
          deny /sys/fs/[^c]*/** wklx,
          deny /sys/fs/c[^g]*/** wklx,
          deny /sys/fs/cg[^r]*/** wklx,
          deny /sys/firmware/** rwklx,
          deny /sys/devices/virtual/powercap/** rwklx,
          deny /sys/kernel/security/** rwklx,
        }

        """
}
