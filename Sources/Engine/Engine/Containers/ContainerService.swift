// SPDX-License-Identifier: Apache-2.0
// Containers: creation, life, streams. Each verb lives in its own file beside this one.
package import DockerAPI
package import Primitives

/// Everything that can be done with containers. Containers are named by id, id prefix or name.
package final class ContainerService: Sendable {
    package init() {}
}

extension ContainerService {
    /// Creates a container from the raw request body; a key the engine does not know or cannot honour is refused by name.
    package func create(name: String?, platform: String?, body: [UInt8]) async throws -> ContainerCreateResponse { todo() }
    package func list(_ options: ContainerListOptions) async throws -> [ContainerSummary] { todo() }
    package func inspect(_ reference: String, size: Bool) async throws -> ContainerInspect { todo() }
    /// Throws `notModified` when the container runs already.
    package func start(_ reference: String) async throws { todo() }
    /// Throws `notModified` when the container is not running. A nil timeout is the container's own, a negative one waits for ever.
    package func stop(_ reference: String, signal: String?, timeout: Int?) async throws { todo() }
    package func restart(_ reference: String, signal: String?, timeout: Int?) async throws { todo() }
    package func kill(_ reference: String, signal: String?) async throws { todo() }
    package func wait(_ reference: String, condition: WaitCondition) async throws -> PendingWait { todo() }
    package func rename(_ reference: String, to name: String) async throws { todo() }
    package func pause(_ reference: String) async throws { todo() }
    package func unpause(_ reference: String) async throws { todo() }
    package func remove(_ reference: String, force: Bool, volumes: Bool, link: Bool) async throws { todo() }
    package func prune(_ filters: Filters) async throws -> ContainerPruneResponse { todo() }
    package func logs(_ reference: String, _ options: LogsOptions) async throws -> any OutputSource { todo() }
    package func attach(_ reference: String, _ options: AttachOptions) async throws -> any ProcessConnection { todo() }
    package func resize(_ reference: String, height: Int, width: Int) async throws { todo() }
    /// Runs `ps` on the host with the arguments (default `-ef`) and keeps the container's processes.
    package func top(_ reference: String, arguments: String?) async throws -> ContainerTopResponse { todo() }
}

func todo() -> Never { fatalError() }
