// SPDX-License-Identifier: Apache-2.0
// Processes started in running containers.
package import DockerAPI

/// Creates, starts and inspects execs.
package final class ExecService: Sendable {
    package init() {}
}

extension ExecService {
    package func create(_ container: String, _ request: ExecCreateRequest) async throws -> IDResponse { todo() }
    /// Starts the exec; nil when it was asked to run detached.
    package func start(_ id: String, _ request: ExecStartRequest) async throws -> (any ProcessConnection)? { todo() }
    package func inspect(_ id: String) async throws -> ExecInspect { todo() }
    package func resize(_ id: String, height: Int, width: Int) async throws { todo() }
}
