// SPDX-License-Identifier: Apache-2.0
// AppArmor on this machine: whether there is any, which profiles the kernel holds, loading the default one.
import CLinux
import Glibc
import Linux
import Primitives

/// The kernel's list of profiles, and the program that compiles them.
package enum AppArmor {
    package static let defaultProfile = "docker-default"
    package static let unconfined = "unconfined"

    /// Compiles and loads a profile; without it nothing can be loaded, and containers go without one, as Docker's do.
    private static let parser: String? = {
        let places = ["/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"]
        return places.first { access($0, X_OK) == 0 }
    }()
    private static let profiles = "/sys/kernel/security/apparmor/profiles"

    /// Read once: neither changes while the machine runs.
    package static let isUsable: Bool =
        UserNamespace.isInitial && parser != nil && access(profiles, F_OK) == 0
        && ProcFile.text("/sys/module/apparmor/parameters/enabled")?.hasPrefix("Y") == true

    /// Lines of `name (mode)`.
    package static func isLoaded(_ name: String) -> Bool {
        (ProcFile.text(profiles) ?? "").split(separator: "\n").contains { $0.hasPrefix(name + " (") }
    }

    /// Loads the default profile if the kernel has none of that name: upgrades of packages unload what they do not know.
    /// A profile that is loaded stays as the administrator made it. Blocks while the parser runs.
    package static func ensureDefaultProfile(temporaryFolder: String) throws {
        guard let parser, !isLoaded(defaultProfile) else { return }
        let file = temporaryFolder + "/apparmor-" + defaultProfile
        try TextFile.replace(file, with: Array(profileText.utf8))
        defer { unlink(file) }
        let (status, told) = try run(parser, ["-Kr", file], output: file + ".log")
        guard status == 0, isLoaded(defaultProfile) else {
            throw EngineError.internalError(
                "AppArmor enabled on system but the \(defaultProfile) profile could not be loaded: "
                    + "\(parser) -Kr ended with status \(status): \(told)")
        }
    }

    private static func run(_ program: String, _ arguments: [String], output: String) throws -> (Int32, String) {
        let log = try OwnedFD.open(output, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        defer { unlink(output) }
        var process: pid_t = 0
        let map: [Int32] = [log.raw, 1, log.raw, 2, -1, -1]
        let code = withCStrings([program] + arguments) { argv in
            withCStrings(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]) { envp in
                apus_spawn(&process, program, argv, envp, map, 0)
            }
        }
        guard code == 0 else { throw Errno(call: "posix_spawn \(program)", code: code) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let text = (ProcFile.text(output) ?? "").split(separator: "\n").joined(separator: "; ")
        return (status & 0x7f == 0 ? status >> 8 & 0xff : -1, String(text.prefix(1000)))
    }
}
