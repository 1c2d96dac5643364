// SPDX-License-Identifier: Apache-2.0
// Volumes as the API shows them.
package import DockerAPI

/// Creates, lists and removes volumes.
package final class VolumeService: Sendable {
    package init() {}
}

extension VolumeService {
    package func list(_ filters: Filters) async throws -> VolumeList { todo() }
    package func inspect(_ name: String) async throws -> Volume { todo() }
    package func create(_ request: VolumeCreateRequest) async throws -> Volume { todo() }
    package func remove(_ name: String, force: Bool) async throws { todo() }
    package func prune(_ filters: Filters) async throws -> VolumePruneResponse { todo() }
}
