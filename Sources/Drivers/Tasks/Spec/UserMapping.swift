// SPDX-License-Identifier: Apache-2.0
// Which users of the host the users of a container are.
import OCI

/// The mappings of a container's user namespace, as user_namespaces(7) has them.
package struct UserMapping: Codable, Sendable, Equatable {
    /// `size` ids in a row: `container` inside is `host` outside.
    package struct Range: Codable, Sendable, Equatable {
        package var container: UInt32
        package var host: UInt32
        package var size: UInt32

        package init(container: UInt32, host: UInt32, size: UInt32) {
            self.container = container
            self.host = host
            self.size = size
        }
    }

    package var users: [Range]
    package var groups: [Range]

    package init(users: [Range], groups: [Range]) {
        self.users = users
        self.groups = groups
    }

    /// The container's root, as the host counts.
    package var root: (user: UInt32, group: UInt32)? {
        guard let user = users.first(where: { $0.container == 0 }),
            let group = groups.first(where: { $0.container == 0 })
        else { return nil }
        return (user.host, group.host)
    }

    /// The text of `/proc/PID/uid_map` and `gid_map`.
    package static func map(_ ranges: [Range]) -> String {
        ranges.map { "\($0.container) \($0.host) \($0.size)\n" }.joined()
    }

    static func mappings(_ ranges: [Range]) -> [RuntimeSpec.IDMapping] {
        ranges.map { RuntimeSpec.IDMapping(containerID: $0.container, hostID: $0.host, size: $0.size) }
    }
}
