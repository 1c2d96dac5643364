// SPDX-License-Identifier: Apache-2.0
// The network namespace of a container.
import AsyncSystem
import CLinux
import Glibc
package import Linux
import Netlink
import Primitives

/// The users of the user namespace that a sandbox belongs to: lines of `inside outside count`, user_namespaces(7).
package struct SandboxOwner: Sendable, Equatable {
    package var uidMap: String
    package var gidMap: String

    package init(uidMap: String, gidMap: String) {
        self.uidMap = uidMap
        self.gidMap = gidMap
    }
}

/// Holds a network namespace open by descriptor; it is mounted nowhere and ends with its last user.
package final class Sandbox: Sendable {
    /// The namespace's descriptor: hand it to the runtime (duplicate it if the sandbox may end first).
    package let descriptor: OwnedFD
    /// Opened inside, so that any thread configures the namespace without entering it.
    let netlink: NetlinkSocket

    private init(descriptor: consuming OwnedFD, netlink: NetlinkSocket) {
        self.descriptor = descriptor
        self.netlink = netlink
    }

    /// A new namespace: `lo` is up, IPv6 off on every link to come.
    static func create(owner: SandboxOwner? = nil) async throws -> Sandbox {
        // unshare(2) changes the calling thread: one made for it, which ends afterwards.
        try await Blocking.onOwnThread {
            if let owner {
                let namespace = try DetachedNamespace.network(uidMap: owner.uidMap, gidMap: owner.gidMap)
                let raw = namespace.raw
                try check("setns") { apus_setns(raw, CLONE_NEWNET) }
            } else {
                try check("unshare") { apus_unshare(CLONE_NEWNET) }
            }
            let sandbox = try current()
            try setSysctl("net/ipv6/conf/default/disable_ipv6", "1")
            if let loopback = try sandbox.netlink.link(named: "lo") {
                try sandbox.netlink.setLink(loopback.index, up: true)
            }
            return sandbox
        }
    }

    /// The namespace of a running process.
    static func open(pid: Int32) async throws -> Sandbox {
        try await Blocking.onOwnThread {
            let namespace = try OwnedFD.open("/proc/\(pid)/ns/net", O_RDONLY)
            let raw = namespace.raw
            try check("setns") { apus_setns(raw, CLONE_NEWNET) }
            return Sandbox(descriptor: namespace, netlink: try NetlinkSocket())
        }
    }

    private static func current() throws -> Sandbox {
        Sandbox(
            descriptor: try OwnedFD.open("/proc/thread-self/ns/net", O_RDONLY), netlink: try NetlinkSocket())
    }

    /// Takes `eth…` up, gives it its address and, for the container's first network, the default route.
    func configure(interface: String, address: CIDR, gateway: IPAddress?) throws {
        guard let link = try netlink.link(named: interface) else {
            throw EngineError.internalError("no link \(interface) in the sandbox")
        }
        try netlink.setLink(link.index, up: true)
        try netlink.addAddress(address, toLink: link.index)
        if let gateway { try netlink.addRoute(Route(destination: nil, gateway: gateway, link: link.index)) }
    }

    /// The first free `ethN`.
    func freeInterfaceName() throws -> String {
        let names = Set(try netlink.links().map(\.name))
        return (0...).lazy.map { "eth\($0)" }.first { !names.contains($0) } ?? "eth0"
    }
}

/// Writes `/proc/sys/<name>` in the namespace of the calling thread. A kernel without the setting (no IPv6) is no error.
func setSysctl(_ name: String, _ value: String) throws {
    do throws(Errno) {
        let file = try OwnedFD.open("/proc/sys/\(name)", O_WRONLY)
        let raw = file.raw
        try checkLength("write") { write(raw, value, value.utf8.count) }
    } catch {
        if error.code != ENOENT { throw error }
    }
}
