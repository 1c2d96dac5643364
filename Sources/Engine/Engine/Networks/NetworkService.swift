// SPDX-License-Identifier: Apache-2.0
// Networks as the API shows them.
package import DockerAPI

/// Lists and inspects networks; user-defined ones as far as the network stack has them.
package final class NetworkService: Sendable {
    package init() {}
}

extension NetworkService {
    package func list(_ filters: Filters) async throws -> [NetworkInspect] { todo() }
    package func inspect(_ reference: String) async throws -> NetworkInspect { todo() }
    package func create(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse { todo() }
    package func connect(_ reference: String, _ request: NetworkConnectRequest) async throws { todo() }
    package func disconnect(_ reference: String, _ request: NetworkDisconnectRequest) async throws { todo() }
    package func remove(_ reference: String) async throws { todo() }
    package func prune(_ filters: Filters) async throws -> NetworkPruneResponse { todo() }
}
