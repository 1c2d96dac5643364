// SPDX-License-Identifier: Apache-2.0
// What the machine offers, as far as a container's specification depends on it.
import Glibc
import Linux

/// Facts read once; tests make their own.
package struct HostFacts: Sendable, Equatable {
    /// Capabilities this process may hand on (CapBnd), as names; nil: all that exist.
    package var capabilities: [String]?
    package var kernel: KernelVersion
    /// Go's name: amd64, arm64, riscv64 …
    package var architecture: String
    package var usesCgroupV2: Bool
    /// Masked only where they exist: one per CPU.
    package var thermalThrottlePaths: [String]
    package var cpuCount: Int
    /// Where containers that name no parent get their cgroups.
    package var defaultCgroupParent: String
    /// False for a daemon without privileges that was given no control group: its containers stay in its own.
    package var hasControlGroups = true
    /// A daemon without privileges: what only the machine's root may do is left out of containers.
    package var isRootless = false
    /// What control groups can limit here. The engine cuts a container's limits to it before they come here.
    package var limits = CgroupSupport()
    /// Sysctls that Docker sets in a network namespace of the container's own, as far as this kernel has them.
    package var networkSysctls = HostFacts.standardNetworkSysctls

    package static let standardNetworkSysctls = [
        "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647",
    ]

    package init(
        capabilities: [String]?, kernel: KernelVersion, architecture: String = "amd64", usesCgroupV2: Bool,
        thermalThrottlePaths: [String] = [], cpuCount: Int = 1, defaultCgroupParent: String = "/apus"
    ) {
        self.capabilities = capabilities
        self.kernel = kernel
        self.architecture = architecture
        self.usesCgroupV2 = usesCgroupV2
        self.thermalThrottlePaths = thermalThrottlePaths
        self.cpuCount = cpuCount
        self.defaultCgroupParent = defaultCgroupParent
    }

    /// This machine, now. Reads a handful of small files of /proc and /sys.
    /// `delegated` is the control group of version 2 that a daemon without privileges was given.
    package static func current(defaultCgroupParent: String = "/apus", delegated: String? = nil) -> HostFacts {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let machine = withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let cpus = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))
        // No /proc/self/mountinfo: no cgroups either.
        let layout = try? CgroupLayout.detect()
        var facts = HostFacts(
            capabilities: boundingSet(), kernel: KernelVersion(release) ?? KernelVersion(5, 0),
            architecture: goArchitecture(machine), usesCgroupV2: layout?.isUnified ?? false,
            thermalThrottlePaths: (0..<cpus).map { "/sys/devices/system/cpu/cpu\($0)/thermal_throttle" }
                .filter { access($0, F_OK) == 0 },
            cpuCount: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            defaultCgroupParent: (delegated ?? "") + defaultCgroupParent)
        facts.isRootless = !UserNamespace.isInitial
        facts.hasControlGroups = !facts.isRootless || delegated != nil
        facts.limits = CgroupSupport(facts.hasControlGroups ? layout : nil, below: delegated ?? "")
        facts.networkSysctls = standardNetworkSysctls.filter {
            access("/proc/sys/" + $0.key.split(separator: ".").joined(separator: "/"), F_OK) == 0
        }
        if facts.isRootless, facts.networkSysctls["net.ipv4.ping_group_range"] != nil {
            facts.networkSysctls["net.ipv4.ping_group_range"] = "0 \(lastGroup())"
        }
        return facts
    }

    /// The kernel takes only groups that exist in our user namespace.
    private static func lastGroup() -> UInt64 {
        let rows = (ProcFile.text("/proc/self/gid_map") ?? "").split(separator: "\n")
            .map { $0.split(separator: " ").compactMap { UInt64($0) } }
        return rows.compactMap { $0.count == 3 && $0[2] > 0 ? $0[0] + $0[2] - 1 : nil }.max() ?? 0
    }

    private static func boundingSet() -> [String]? {
        guard let status = ProcFile.text("/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapBnd:") }),
            let bits = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
        else { return nil }
        return Capability.names(of: bits)
    }

    private static func goArchitecture(_ machine: String) -> String {
        switch machine {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        case "i386", "i686": "x86"
        case "armv7l", "armv6l": "arm"
        case "loongarch64": "loong64"
        default: machine
        }
    }
}

/// Major and minor number of a kernel.
package struct KernelVersion: Sendable, Comparable {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `6.1.0-18-amd64` and `4.8`.
    package init?(_ text: String) {
        let parts = text.split(whereSeparator: { !$0.isNumber })
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
        self.init(major, minor)
    }

    package static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
