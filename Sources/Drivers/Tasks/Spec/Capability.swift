// SPDX-License-Identifier: Apache-2.0
// The kernel's capabilities, and how Docker's add and drop lists choose among them.
import Linux
package import Primitives

/// capabilities(7).
package enum Capability {
    /// In the kernel's order: the position is the number.
    package static let all = CapabilitySet.names

    /// What a container has when nobody says otherwise.
    package static let defaults = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]

    /// The names of a bit mask as /proc/PID/status shows it.
    package static func names(of bits: UInt64) -> [String] {
        all.indices.filter { bits >> UInt64($0) & 1 == 1 }.map { all[$0] }
    }

    /// `net_admin` → `CAP_NET_ADMIN`; ALL stays. Unknown names are refused with Docker's message.
    package static func normalise(_ names: [String]) throws(EngineError) -> [String] {
        var out: [String] = []
        for name in names {
            var upper = name.uppercased()
            if upper == "ALL" || upper == "CAP_ALL" {
                out.append("ALL")
                continue
            }
            if !upper.hasPrefix("CAP_") { upper = "CAP_" + upper }
            guard all.contains(upper) else { throw .invalidArgument("invalid capability: \"\(name)\"") }
            out.append(upper)
        }
        return out
    }

    /// The set a container gets: `available` is what the daemon itself may hand on (nil: everything).
    /// Privileged takes all that is available; naming one that is missing is an error of the start, as with Docker.
    package static func resolve(
        add: [String], drop: [String], privileged: Bool, available: [String]?
    ) throws(EngineError) -> [String] {
        let offered = available ?? all
        if privileged { return all.filter(offered.contains) }
        let add = try normalise(add)
        let drop = try normalise(drop)
        if add.contains("ALL") { return all.filter { offered.contains($0) && !drop.contains($0) } }
        for name in add where !offered.contains(name) {
            throw .invalidArgument(
                "invalid CapAdd: capability not supported by your kernel or not available in the current environment: "
                    + "\"\(name)\""
            )
        }
        if drop.contains("ALL") { return all.filter(add.contains) }
        let kept = defaults.filter { offered.contains($0) && !drop.contains($0) }
        return kept + add.filter { !kept.contains($0) }
    }
}
