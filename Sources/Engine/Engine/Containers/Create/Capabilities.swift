// SPDX-License-Identifier: Apache-2.0
// The names `--cap-add` and `--cap-drop` take.
import Primitives

/// Linux capabilities (capabilities(7)) by name.
enum Capabilities {
    static func check(_ name: String, field: String) throws(EngineError) {
        var bare = name.uppercased()
        if bare == "ALL" { return }
        if bare.hasPrefix("CAP_") { bare.removeFirst(4) }
        guard known.contains(bare) else {
            throw .invalidArgument("invalid \(field): unknown capability: \"\(name)\"")
        }
    }

    private static let known: Set<String> = [
        "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
        "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
        "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
        "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT",
        "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME",
        "SYS_TTY_CONFIG", "WAKE_ALARM",
    ]
}
