// SPDX-License-Identifier: Apache-2.0
// The standard filter, second part: system calls allowed under a condition. Later rules do not replace earlier ones.
import OCI

extension SeccompProfile {
    static let conditional: [Rule] = [
        .init("process_vm_readv process_vm_writev ptrace", includes: .init(minimumKernel: KernelVersion(4, 8))),
        .init("socket", args: [.init(index: 0, value: 38, op: "SCMP_CMP_LT")]),
        .init("socket", args: [.init(index: 0, value: 39, op: "SCMP_CMP_EQ")]),
        .init("socket", args: [.init(index: 0, value: 40, op: "SCMP_CMP_GT")]),
        .init("personality", args: [.init(index: 0, value: 0, op: "SCMP_CMP_EQ")]),
        .init("personality", args: [.init(index: 0, value: 8, op: "SCMP_CMP_EQ")]),
        .init("personality", args: [.init(index: 0, value: 0x20000, op: "SCMP_CMP_EQ")]),
        .init("personality", args: [.init(index: 0, value: 0x20008, op: "SCMP_CMP_EQ")]),
        .init("personality", args: [.init(index: 0, value: 0xffffffff, op: "SCMP_CMP_EQ")]),
        .init("sync_file_range2 swapcontext", includes: .init(architectures: ["ppc64le"])),
        .init(
            """
            arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls
            """,
            includes: .init(architectures: ["arm", "arm64"])
        ),
        .init("arch_prctl", includes: .init(architectures: ["amd64", "x32"])),
        .init("modify_ldt", includes: .init(architectures: ["amd64", "x32", "x86"])),
        .init(
            "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
            includes: .init(architectures: ["s390", "s390x"])
        ),
        .init("riscv_flush_icache", includes: .init(architectures: ["riscv64"])),
        .init("open_by_handle_at", includes: .init(capabilities: ["CAP_DAC_READ_SEARCH"])),
        .init(
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
            lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open
            quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
            """,
            includes: .init(capabilities: ["CAP_SYS_ADMIN"])
        ),
        .init(
            "clone",
            args: [.init(index: 0, value: 0x7e020000, op: "SCMP_CMP_MASKED_EQ")],
            excludes: .init(capabilities: ["CAP_SYS_ADMIN"], architectures: ["s390", "s390x"])
        ),
        .init(
            "clone",
            args: [.init(index: 1, value: 0x7e020000, op: "SCMP_CMP_MASKED_EQ")],
            includes: .init(architectures: ["s390", "s390x"]),
            excludes: .init(capabilities: ["CAP_SYS_ADMIN"])
        ),
        .init("clone3", action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: .init(capabilities: ["CAP_SYS_ADMIN"])),
        .init("reboot", includes: .init(capabilities: ["CAP_SYS_BOOT"])),
        .init("chroot", includes: .init(capabilities: ["CAP_SYS_CHROOT"])),
        .init("delete_module init_module finit_module", includes: .init(capabilities: ["CAP_SYS_MODULE"])),
        .init("acct", includes: .init(capabilities: ["CAP_SYS_PACCT"])),
        .init(
            "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
            includes: .init(capabilities: ["CAP_SYS_PTRACE"])
        ),
        .init("iopl ioperm", includes: .init(capabilities: ["CAP_SYS_RAWIO"])),
        .init("settimeofday stime clock_settime clock_settime64", includes: .init(capabilities: ["CAP_SYS_TIME"])),
        .init("vhangup", includes: .init(capabilities: ["CAP_SYS_TTY_CONFIG"])),
        .init(
            "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
            includes: .init(capabilities: ["CAP_SYS_NICE"])
        ),
        .init("syslog", includes: .init(capabilities: ["CAP_SYSLOG"])),
        .init("bpf", includes: .init(capabilities: ["CAP_BPF"])),
        .init("perf_event_open", includes: .init(capabilities: ["CAP_PERFMON"])),
    ]
}
