// SPDX-License-Identifier: Apache-2.0
// Which AppArmor profile a container wears.
import AsyncSystem
import DockerAPI
import Tasks

extension ContainerService {
    /// Docker's rule: the one asked for, else none for a privileged container and the default one for all others. On a
    /// machine without AppArmor only a profile that was asked for is named, and its start fails.
    static func apparmorProfile(_ options: [String], privileged: Bool) -> String? {
        let asked = options.last { $0.hasPrefix("apparmor=") || $0.hasPrefix("apparmor:") }
            .map { String($0.dropFirst("apparmor=".count)) }
        if let asked, !asked.isEmpty {
            return asked == AppArmor.unconfined && !AppArmor.isUsable ? nil : asked
        }
        guard AppArmor.isUsable else { return nil }
        return privileged ? AppArmor.unconfined : AppArmor.defaultProfile
    }

    /// What `inspect` shows: nothing where there is no AppArmor.
    static func shownProfile(_ host: HostConfig) -> String {
        AppArmor.isUsable ? apparmorProfile(host.securityOpt ?? [], privileged: host.privileged) ?? "" : ""
    }

    /// The kernel must know the profile when the container's process is about to take it on.
    func loadProfile(_ name: String?) async throws {
        guard name == AppArmor.defaultProfile, AppArmor.isUsable, !AppArmor.isLoaded(AppArmor.defaultProfile) else {
            return
        }
        let folder = settings.dataRoot + "/tmp"
        try await Blocking.run { try AppArmor.ensureDefaultProfile(temporaryFolder: folder) }
    }
}
