// SPDX-License-Identifier: Apache-2.0
// features: what this runtime can do. https://github.com/opencontainers/runtime-spec/blob/main/features.md
import CSeccomp
import JSON
import Linux
import OCI

extension OCICommand {
    func features() {
        let linux: JSONValue = [
            "namespaces": .array(RuntimeSpec.Namespace.Kind.allCases.map(\.rawValue).sorted().map { .string($0) }),
            "capabilities": .array(
                CapabilitySet.names.enumerated().filter { $0.offset <= CapabilitySet.lastCapability }.map {
                    .string($0.element)
                }),
            "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true],
            "seccomp": [
                "enabled": true,
                "actions": [
                    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                    "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
                ],
                "operators": [
                    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
                    "SCMP_CMP_NE",
                ],
                "archs": .array(Self.architectures.map { .string($0) }),
                "knownFlags": .array(Self.filterFlags.map { .string($0) }),
                "supportedFlags": .array(Self.filterFlags.map { .string($0) }),
            ],
            "apparmor": ["enabled": true], "selinux": ["enabled": true],
            "intelRdt": ["enabled": false, "schemata": false, "monitoring": false],
            "memoryPolicy": [
                "modes": .array(MemoryPolicy.modes.map { .string($0) }),
                "flags": .array(MemoryPolicy.flags.map { .string($0.name) }),
            ],
            "mountExtensions": ["idmap": ["enabled": true]], "netDevices": ["enabled": false],
        ]
        let json: JSONValue = [
            "ociVersionMin": "1.0.0", "ociVersionMax": .string(RuntimeSpec.newest),
            "hooks": [
                "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
            ],
            "mountOptions": .array(MountOptions.known.map { .string($0) }), "linux": linux,
            "annotations": [
                "dev.apus.version": .string(Self.version), "dev.apus.libseccomp.version": .string(Self.seccompVersion),
            ],
            "potentiallyUnsafeConfigAnnotations": [],
        ]
        print(json.text(indent: 4))
    }

    private static var seccompVersion: String {
        guard let version = seccomp_version() else { return "" }
        return "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.micro)"
    }

    /// Those that the linked libseccomp knows.
    private static var architectures: [String] {
        [
            "aarch64", "arm", "loongarch64", "m68k", "mips", "mips64", "mips64n32", "mipsel", "mipsel64",
            "mipsel64n32", "parisc", "parisc64", "ppc", "ppc64", "ppc64le", "riscv64", "s390", "s390x", "sheb", "sh",
            "x32", "x86", "x86_64",
        ].filter { (name: String) in seccomp_arch_resolve_name(name) != 0 }.map { "SCMP_ARCH_" + $0.uppercased() }
    }

    private static let filterFlags = [
        "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ]
}
