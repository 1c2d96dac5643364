// SPDX-License-Identifier: Apache-2.0
// System call filters as profiles: rules that apply or not, by capability, architecture and kernel.
import JSON
package import OCI

/// A filter before it is fitted to a container: Docker's profile format.
package struct SeccompProfile: Sendable, Equatable {
    /// When a rule applies. Empty conditions hold.
    struct Condition: Sendable, Equatable {
        var capabilities: [String] = []
        /// Go's names, as in HostFacts.
        var architectures: [String] = []
        var minimumKernel: KernelVersion?
    }

    struct Rule: Sendable, Equatable {
        var names: [String]
        var action: String
        var errnoRet: UInt32?
        var args: [RuntimeSpec.Seccomp.Argument]
        var includes: Condition
        var excludes: Condition

        init(
            names: [String], action: String, errnoRet: UInt32?, args: [RuntimeSpec.Seccomp.Argument],
            includes: Condition, excludes: Condition
        ) {
            self.names = names
            self.action = action
            self.errnoRet = errnoRet
            self.args = args
            self.includes = includes
            self.excludes = excludes
        }

        init(
            _ names: String, action: String = "SCMP_ACT_ALLOW", errnoRet: UInt32? = nil,
            args: [RuntimeSpec.Seccomp.Argument] = [], includes: Condition = .init(), excludes: Condition = .init()
        ) {
            self.init(
                names: names.split(whereSeparator: \.isWhitespace).map(String.init), action: action, errnoRet: errnoRet,
                args: args, includes: includes, excludes: excludes)
        }
    }

    struct Architecture: Sendable, Equatable {
        var name: String
        var subArchitectures: [String]
    }

    var defaultAction: String
    var defaultErrnoRet: UInt32?
    /// Fixed architectures, used when there is no map.
    var architectures: [String] = []
    var architectureMap: [Architecture] = []
    var flags: [String] = []
    var listenerPath: String?
    var listenerMetadata: String?
    var rules: [Rule]

    /// What containers get when nobody says otherwise: Docker's list.
    package static let standard = SeccompProfile(
        defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1,
        architectureMap: standardArchitectures.map { Architecture(name: $0.0, subArchitectures: $0.1) },
        rules: [Rule(alwaysAllowed)] + conditional)

    private static let standardArchitectures: [(String, [String])] = [
        ("SCMP_ARCH_X86_64", ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
        ("SCMP_ARCH_AARCH64", ["SCMP_ARCH_ARM"]),
        ("SCMP_ARCH_MIPS64", ["SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"]),
        ("SCMP_ARCH_MIPS64N32", ["SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64"]),
        ("SCMP_ARCH_MIPSEL64", ["SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"]),
        ("SCMP_ARCH_MIPSEL64N32", ["SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64"]),
        ("SCMP_ARCH_S390X", ["SCMP_ARCH_S390"]),
        ("SCMP_ARCH_RISCV64", []),
        ("SCMP_ARCH_LOONGARCH64", []),
    ]

    /// The filter of one container on this machine.
    package func fitted(capabilities: [String], host: HostFacts) -> RuntimeSpec.Seccomp {
        var filter = RuntimeSpec.Seccomp(defaultAction: defaultAction)
        filter.defaultErrnoRet = defaultErrnoRet
        filter.flags = flags
        filter.listenerPath = listenerPath
        filter.listenerMetadata = listenerMetadata
        filter.architectures = architectures
        let native = Self.nativeNames[host.architecture]
        for entry in architectureMap where entry.name == native {
            filter.architectures = [entry.name] + entry.subArchitectures
        }
        filter.syscalls = rules.filter { $0.applies(capabilities, host) }.map {
            RuntimeSpec.Seccomp.Rule(names: $0.names, action: $0.action, errnoRet: $0.errnoRet, args: $0.args)
        }
        return filter
    }

    private static let nativeNames = [
        "amd64": "SCMP_ARCH_X86_64", "x86": "SCMP_ARCH_X86", "arm64": "SCMP_ARCH_AARCH64", "arm": "SCMP_ARCH_ARM",
        "riscv64": "SCMP_ARCH_RISCV64", "s390x": "SCMP_ARCH_S390X", "loong64": "SCMP_ARCH_LOONGARCH64",
        "ppc64le": "SCMP_ARCH_PPC64LE",
    ]
}

extension SeccompProfile.Rule {
    /// Every included capability must be there, one of the architectures, the kernel; no excluded one.
    fileprivate func applies(_ capabilities: [String], _ host: HostFacts) -> Bool {
        if excludes.capabilities.contains(where: capabilities.contains) { return false }
        if excludes.architectures.contains(host.architecture) { return false }
        if let excluded = excludes.minimumKernel, host.kernel >= excluded { return false }
        if !includes.capabilities.allSatisfy(capabilities.contains) { return false }
        if !includes.architectures.isEmpty, !includes.architectures.contains(host.architecture) { return false }
        if let needed = includes.minimumKernel, host.kernel < needed { return false }
        return true
    }
}
