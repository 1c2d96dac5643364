// SPDX-License-Identifier: Apache-2.0
// The container's process, and further processes in it: environment, identity, limits, capabilities.
package import OCI
import Primitives

extension OCISpecBuilder {
    package static let defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    func process(_ capabilities: [String]) throws -> RuntimeSpec.Process {
        var process = RuntimeSpec.Process()
        process.terminal = configuration.tty
        if let size = configuration.consoleSize, configuration.tty {
            process.consoleSize = RuntimeSpec.ConsoleSize(
                height: UInt16(clamping: size.height), width: UInt16(clamping: size.width))
        }
        process.cwd = configuration.cwd.isEmpty ? "/" : configuration.cwd
        process.args = configuration.args
        process.env = environment(configuration.env, tty: configuration.tty, home: configuration.user.home)
        process.user = user(configuration.user)
        process.capabilities = Self.capabilitySets(capabilities)
        process.noNewPrivileges = configuration.noNewPrivileges
        process.oomScoreAdj = configuration.oomScoreAdj
        process.apparmorProfile = configuration.apparmorProfile
        process.selinuxLabel = configuration.selinuxLabel
        process.rlimits = try rlimits()
        return process
    }

    /// A further process in the container: limits and security as the first one's, the rest as given.
    package func execProcess(
        args: [String], env: [String], cwd: String, user: ResolvedUser, tty: Bool,
        consoleSize: (height: Int, width: Int)?,
        privileged: Bool
    ) throws -> RuntimeSpec.Process {
        var process = RuntimeSpec.Process()
        process.terminal = tty
        if let consoleSize, tty {
            process.consoleSize = RuntimeSpec.ConsoleSize(
                height: UInt16(clamping: consoleSize.height), width: UInt16(clamping: consoleSize.width))
        }
        process.cwd = cwd.isEmpty ? (configuration.cwd.isEmpty ? "/" : configuration.cwd) : cwd
        process.args = args
        process.env = environment(configuration.env + env, tty: tty, home: user.home)
        process.user = self.user(user)
        let capabilities =
            privileged
            ? try Capability.resolve(add: [], drop: [], privileged: true, available: host.capabilities)
            : try self.capabilities()
        process.capabilities = Self.capabilitySets(capabilities)
        process.noNewPrivileges = configuration.noNewPrivileges
        process.oomScoreAdj = configuration.oomScoreAdj
        process.apparmorProfile = configuration.apparmorProfile
        process.selinuxLabel = configuration.selinuxLabel
        process.rlimits = try rlimits()
        return host.isRootless ? Self.fitted(process) : process
    }

    /// Docker's own variables first, then the user's: a later `KEY=value` replaces, a bare `KEY` removes.
    func environment(_ wanted: [String], tty: Bool, home: String?) -> [String] {
        var out = [Self.defaultPath]
        let fullName = [configuration.hostname, configuration.domainname].filter { !$0.isEmpty }.joined(separator: ".")
        if !fullName.isEmpty { out.append("HOSTNAME=" + fullName) }
        if tty { out.append("TERM=xterm") }
        for entry in wanted {
            guard let equals = entry.firstIndex(of: "=") else {
                out.removeAll { $0.hasPrefix(entry + "=") }
                continue
            }
            let key = entry[...equals]
            if let position = out.firstIndex(where: { $0.hasPrefix(key) }) {
                out[position] = entry
            } else {
                out.append(entry)
            }
        }
        if !out.contains(where: { $0.hasPrefix("HOME=") }) {
            out.append("HOME=" + (home.flatMap { $0.isEmpty ? nil : $0 } ?? "/"))
        }
        return out
    }

    /// The user's own group belongs to the supplementary ones, as Docker has it.
    private func user(_ resolved: ResolvedUser) -> RuntimeSpec.User {
        let additional =
            resolved.additionalGids.contains(resolved.gid)
            ? resolved.additionalGids : [resolved.gid] + resolved.additionalGids
        return RuntimeSpec.User(uid: resolved.uid, gid: resolved.gid, additionalGids: additional)
    }

    /// Not inheritable, not ambient: a program without file capabilities run by another user has none.
    static func capabilitySets(_ names: [String]) -> RuntimeSpec.Capabilities {
        var sets = RuntimeSpec.Capabilities()
        sets.bounding = names
        sets.effective = names
        sets.permitted = names
        return sets
    }

    private func rlimits() throws(EngineError) -> [RuntimeSpec.Rlimit] {
        var out: [RuntimeSpec.Rlimit] = []
        for limit in configuration.ulimits {
            let name = limit.name.lowercased()
            guard Self.rlimitNames.contains(name) else { throw .invalidArgument("invalid ulimit type: \(limit.name)") }
            guard limit.hard == -1 || (limit.soft != -1 && limit.soft <= limit.hard) else {
                throw .invalidArgument(
                    "ulimit soft limit must be less than or equal to hard limit: \(limit.soft) > \(limit.hard)")
            }
            out.append(
                RuntimeSpec.Rlimit(
                    type: "RLIMIT_" + name.uppercased(), hard: UInt64(bitPattern: limit.hard),
                    soft: UInt64(bitPattern: limit.soft)))
        }
        return out
    }

    private static let rlimitNames: Set<String> = [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack", "as",
    ]
}
