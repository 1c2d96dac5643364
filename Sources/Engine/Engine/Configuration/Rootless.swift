// SPDX-License-Identifier: Apache-2.0
// A daemon that an ordinary user started: where its files are, and which users its containers may have.
import Glibc
import Linux
package import Primitives

/// Outside of its namespaces such a daemon is the user; it then makes or finds them and runs again inside, as their root.
package struct Rootless: Sendable, Equatable {
    package var user: UInt32
    package var group: UInt32
    /// `$XDG_RUNTIME_DIR`; nil when the session has none.
    package var runtimeFolder: String?
    package var dataFolder: String
    package var configFolder: String
    /// The control group of version 2 that the user may divide; nil: none.
    package var controlGroup: String?
    /// Whether this process is in the namespaces already.
    package var isInside: Bool

    /// Set by the outer for the inner process: `uid:gid[:control group]`.
    package static let marker = "_APUS_ROOTLESS"

    /// Nil for the machine's root.
    package static func current() -> Rootless? {
        detect(user: geteuid(), group: getegid(), isInitial: UserNamespace.isInitial) { name in
            getenv(name).map { String(cString: $0) }
        }
    }

    static func detect(
        user: UInt32, group: UInt32, isInitial: Bool, environment: (String) -> String?
    ) -> Rootless? {
        func folder(_ name: String) -> String? { environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let home = folder("HOME") ?? "/"
        var rootless = Rootless(
            user: user, group: group, runtimeFolder: folder("XDG_RUNTIME_DIR"),
            dataFolder: (folder("XDG_DATA_HOME") ?? home + "/.local/share") + "/apus",
            configFolder: (folder("XDG_CONFIG_HOME") ?? home + "/.config") + "/apus", isInside: false)
        if user != 0 { return rootless }
        guard !isInitial, let fields = environment(marker)?.split(separator: ":", maxSplits: 2), fields.count >= 2,
            let outerUser = UInt32(fields[0]), let outerGroup = UInt32(fields[1])
        else { return nil }
        rootless.user = outerUser
        rootless.group = outerGroup
        rootless.controlGroup = fields.count > 2 ? String(fields[2]) : nil
        rootless.isInside = true
        return rootless
    }

    /// What `newuidmap` and `newgidmap` are asked for besides the process: the user becomes root inside, the subordinate ids
    /// follow. Throws, with the way to help, when there are none.
    package func mappings(users: String, groups: String, name: String) throws(EngineError) -> (
        users: [String], groups: [String]
    ) {
        let owners: Set<String> = [name, String(user)]
        func list(_ own: UInt32, _ text: String, _ file: String, _ flag: String) throws(EngineError) -> [String] {
            let ranges = SubordinateIDs.ranges(in: text, of: owners)
            guard !ranges.isEmpty else {
                throw .invalidArgument(
                    "no subordinate ids for \"\(name)\" in \(file), which containers need for their users. As root: "
                        + "usermod \(flag) 100000-165535 \(name)")
            }
            var words = ["0", String(own), "1"]
            var next: UInt32 = 1
            for range in ranges {
                let (end, overflow) = next.addingReportingOverflow(range.size)
                if overflow { break }
                words += [String(next), String(range.start), String(range.size)]
                next = end
            }
            return words
        }
        return (
            try list(user, users, "/etc/subuid", "--add-subuids"),
            try list(group, groups, "/etc/subgid", "--add-subgids")
        )
    }
}
