// SPDX-License-Identifier: Apache-2.0
// Which control group hierarchies this machine has: cgroups(7).
import Glibc

/// The mounted hierarchies, from /proc/self/mountinfo.
package struct CgroupLayout: Sendable, Equatable {
    /// One v1 hierarchy with its co-mounted controllers (`cpu,cpuacct`), or a named one (`name=systemd`).
    package struct Hierarchy: Sendable, Equatable {
        package let controllers: [String]
        package let mountPoint: String

        package var name: String { String(mountPoint.split(separator: "/").last ?? "") }
    }

    package let hierarchies: [Hierarchy]
    /// The v2 tree; with v1 hierarchies beside it (hybrid) it carries no limits.
    package let unified: String?

    /// Limits live in the v2 tree.
    package var isUnified: Bool { hierarchies.isEmpty && unified != nil }

    package func mountPoint(of controller: String) -> String? {
        hierarchies.first { $0.controllers.contains(controller) }?.mountPoint
    }

    package static func detect() throws(Errno) -> CgroupLayout {
        parse(mountInfo: try TextFile.text("/proc/self/mountinfo"))
    }

    package static func parse(mountInfo: String) -> CgroupLayout {
        var hierarchies: [Hierarchy] = []
        var unified: String?
        for line in mountInfo.split(separator: "\n") where line.contains(" - cgroup") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, let dash = fields.firstIndex(of: "-"), fields.count > dash + 3 else { continue }
            let place = unescaped(fields[4])
            if fields[dash + 1] == "cgroup2" {
                if unified == nil { unified = place }
            } else if fields[dash + 1] == "cgroup" {
                let skipped: Set<Substring> = ["rw", "ro", "xattr", "noprefix", "clone_children", "release_agent"]
                let controllers = fields[dash + 3].split(separator: ",").filter {
                    !skipped.contains($0) && !$0.hasPrefix("release_agent=")
                }.map(String.init)
                if !hierarchies.contains(where: { $0.controllers == controllers }) {
                    hierarchies.append(Hierarchy(controllers: controllers, mountPoint: place))
                }
            }
        }
        return CgroupLayout(hierarchies: hierarchies, unified: unified)
    }

    /// Mount points carry spaces as `\040`.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        return String(text).split(separator: "\\", omittingEmptySubsequences: false).enumerated().map { index, part in
            guard index > 0, let value = UInt8(part.prefix(3), radix: 8) else { return String(part) }
            return String(UnicodeScalar(value)) + part.dropFirst(3)
        }.joined()
    }
}
