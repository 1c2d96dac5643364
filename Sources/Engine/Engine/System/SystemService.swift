// SPDX-License-Identifier: Apache-2.0
// What the daemon tells about itself.
package import DockerAPI

/// Version, information, disk usage and registry logins.
package final class SystemService: Sendable {
    package init() {}
}

extension SystemService {
    package func info() async throws -> SystemInfo { todo() }
    package func version() -> SystemVersion { todo() }
    /// `types` limits the answer: `container`, `image`, `volume`, `build-cache`; empty means all.
    package func diskUsage(types: [String]) async throws -> DiskUsage { todo() }
    package func authenticate(_ credentials: AuthConfig) async throws -> AuthResponse { todo() }
}
