// SPDX-License-Identifier: Apache-2.0
// Which kernel settings a container may have: those that one of its own namespaces keeps for itself (sysctl(5), namespaces(7)).
import Glibc
import OCI

/// A key of `linux.sysctl`, in either spelling: `net.ipv4.ip_forward`, `net/ipv4/conf/eth0.1/forwarding`.
struct SysctlKey {
    let text: String
    private let parts: [String]

    /// Refuses what would lead somewhere else than its name says.
    init(_ text: String) throws {
        self.text = text
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        let dot = text.firstIndex(of: ".") ?? text.endIndex
        let separator: Character = slash < dot ? "/" : "."
        parts = text.split(separator: separator, omittingEmptySubsequences: false).map {
            // The other sign stands for the separator inside of a name, as sysctl(8) has it.
            separator == "/" ? String($0) : String($0.map { $0 == "/" ? "." : $0 })
        }
        guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw RuntimeError(.invalid, "invalid sysctl \"\(text)\"")
        }
    }

    /// Below /proc, as the container sees it.
    var path: String { "/proc/sys/" + parts.joined(separator: "/") }

    /// Anything else would be set for the whole machine.
    func requireOwnNamespace(_ linux: RuntimeSpec.Linux) throws {
        let name = parts.joined(separator: ".")
        switch (parts[0], parts[1]) {
        case ("net", _):
            guard Self.isOwn(.network, linux) else {
                throw RuntimeError(.invalid, "sysctl \"\(text)\" not allowed in host network namespace")
            }
        case ("fs", "mqueue"),
            ("kernel", _) where Self.interProcess.contains(name):
            guard Self.isOwn(.ipc, linux) else {
                throw RuntimeError(.invalid, "sysctl \"\(text)\" is not allowed in the hosts ipc namespace")
            }
        case ("kernel", "domainname") where parts.count == 2 && Self.isOwn(.uts, linux): break
        case ("user", _) where Self.isOwn(.user, linux): break
        case ("kernel", "hostname") where parts.count == 2 && Self.isOwn(.uts, linux):
            throw RuntimeError(
                .invalid, "sysctl \"\(text)\" is not allowed as it conflicts with the OCI \"hostname\" field")
        default:
            throw RuntimeError(.invalid, "sysctl \"\(text)\" is not in a separate kernel namespace")
        }
    }

    private static let interProcess: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced",
    ]

    /// New, or joined and not the one this program is in.
    private static func isOwn(_ kind: RuntimeSpec.Namespace.Kind, _ linux: RuntimeSpec.Linux) -> Bool {
        guard let namespace = linux.namespace(kind) else { return false }
        guard let path = namespace.path else { return true }
        let file = kind == .network ? "net" : kind.rawValue
        var (theirs, ours) = (stat(), stat())
        guard stat(path, &theirs) == 0, stat("/proc/self/ns/\(file)", &ours) == 0 else { return false }
        return (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino)
    }
}
