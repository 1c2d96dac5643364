// SPDX-License-Identifier: Apache-2.0
// The kinds of namespaces, as clone3(2) and setns(2) number them.
package struct NamespaceFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let time = NamespaceFlags(rawValue: 0x80)
    package static let mount = NamespaceFlags(rawValue: 0x0002_0000)
    package static let cgroup = NamespaceFlags(rawValue: 0x0200_0000)
    package static let uts = NamespaceFlags(rawValue: 0x0400_0000)
    package static let ipc = NamespaceFlags(rawValue: 0x0800_0000)
    package static let user = NamespaceFlags(rawValue: 0x1000_0000)
    package static let pid = NamespaceFlags(rawValue: 0x2000_0000)
    package static let network = NamespaceFlags(rawValue: 0x4000_0000)
}
