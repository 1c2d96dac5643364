// SPDX-License-Identifier: Apache-2.0
// Capability names and sets of the calling process: capabilities(7).
import CLinux
import Glibc

/// A set of capabilities as a bit mask.
package struct CapabilitySet: Sendable, Equatable {
    package var mask: UInt64

    package init(mask: UInt64 = 0) { self.mask = mask }

    /// Names as `CAP_CHOWN`; those this kernel does not have are left out, unknown names are returned.
    package init(names: [String], unknown: inout [String]) {
        mask = 0
        let last = Self.lastCapability
        for name in names {
            guard let number = Self.names.firstIndex(of: name) else {
                unknown.append(name)
                continue
            }
            if number <= last { mask |= 1 << UInt64(number) }
        }
    }

    package func contains(_ number: Int) -> Bool { mask & (1 << UInt64(number)) != 0 }

    /// The highest capability of the running kernel.
    package static let lastCapability: Int = {
        if let text = try? TextFile.text("/proc/sys/kernel/cap_last_cap"),  // absent only without /proc
            let number = Int(text.filter(\.isNumber))
        {
            return number
        }
        return 40
    }()

    /// Every capability of the running kernel.
    package static var all: CapabilitySet { CapabilitySet(mask: (1 << UInt64(lastCapability + 1)) - 1) }

    /// In the order of their numbers.
    package static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]
}

/// Changes to the calling process's capabilities.
package enum ProcessCapabilities {
    /// Drops everything outside `keep` from the bounding set; needs CAP_SETPCAP.
    package static func limitBounding(to keep: CapabilitySet) throws(Errno) {
        for number in 0...CapabilitySet.lastCapability where !keep.contains(number) {
            try check("prctl(PR_CAPBSET_DROP)") { apus_prctl(24, UInt(number), 0, 0, 0) }
        }
    }

    /// Lets the permitted set survive the change to another user.
    package static func keepOverUserChange() throws(Errno) {
        try check("prctl(PR_SET_KEEPCAPS)") { apus_prctl(8, 1, 0, 0, 0) }
    }

    package static func set(
        effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet, ambient: CapabilitySet
    ) throws(Errno) {
        try check("capset") { apus_capset(effective.mask, permitted.mask, inheritable.mask) }
        _ = apus_prctl(47, 4, 0, 0, 0)  // PR_CAP_AMBIENT_CLEAR_ALL; kernels without ambient sets have nothing to clear
        for number in 0...CapabilitySet.lastCapability where ambient.contains(number) {
            try check("prctl(PR_CAP_AMBIENT_RAISE)") { apus_prctl(47, 2, UInt(number), 0, 0) }
        }
    }
}
