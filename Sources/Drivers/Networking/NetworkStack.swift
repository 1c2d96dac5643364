// SPDX-License-Identifier: Apache-2.0
// The networking of one daemon: its networks, and the endpoints that join containers to them.
package import Logging
package import Primitives

/// All networks of a daemon.
///
/// Life of a container's networking: `createSandbox` → `connect` (once per network) → the container runs in the
/// sandbox's namespace → `disconnectAll`. The namespace ends with its last process and descriptor, and takes the veth
/// pair with it: release the `Sandbox` once the container runs; a running container's is reopened with `openSandbox`.
package actor NetworkStack {
    package nonisolated let configuration: NetworkConfiguration

    package init(configuration: NetworkConfiguration, records: any NetworkRecords, logger: Logger) {
        self.configuration = configuration
    }

    /// Loads what was saved and makes sure that `bridge`, `host` and `none` exist. The default bridge's link is made with
    /// the first endpoint. Call once, then `reconcile`.
    package func start() async throws {}

    /// Rebuilds firewall and port reservations for the endpoints of the containers that still run (full ids), frees
    /// those of all others. Ports that can no longer be reserved are logged, the container stays.
    package func reconcile(live: Set<String>) async throws {}

    /// A new namespace with `lo` up. Host mode has none: do not call it then.
    package nonisolated func createSandbox() async throws -> Sandbox { throw EngineError.notImplemented("") }

    /// The namespace of a running process.
    package nonisolated func openSandbox(pid: Int32) async throws -> Sandbox { throw EngineError.notImplemented("") }

    /// Attaches a container. For `host` and `none` the sandbox may be nil: only the endpoint is recorded.
    package func connect(_ request: EndpointRequest, sandbox: Sandbox?) async throws -> Endpoint {
        throw EngineError.notImplemented("")
    }

    /// Ends one attachment: ports, rules, address. With a sandbox given (the container keeps running) its link is removed.
    package func disconnect(containerID: String, network: String, sandbox: Sandbox? = nil) async throws {}

    /// Ends every attachment of a container that has stopped. No endpoint: no error.
    package func disconnectAll(containerID: String) async throws {}

    package func endpoints(ofContainer containerID: String) -> [Endpoint] { [] }
    package func endpoints(ofNetwork networkID: String) -> [Endpoint] { [] }

    /// Every network, oldest first.
    package func networks() -> [Network] { [] }
    /// By id, name or unambiguous id prefix; `network X not found` otherwise.
    package func network(_ reference: String) throws -> Network { throw EngineError.notImplemented("") }
    package func createNetwork(_ spec: NetworkSpec) async throws -> Network { throw EngineError.notImplemented("") }
    package func removeNetwork(_ reference: String) async throws {}
    /// Removes user-defined networks without endpoints that `matches`; gives the names of the removed ones.
    package func pruneNetworks(where matches: @Sendable (Network) -> Bool) async throws -> [String] { [] }

    /// A container's name changed.
    package func rename(containerID: String, to name: String) async throws {}

    /// Removes bridge links and the firewall table if no endpoint is left. `disconnect` does this by itself.
    package func teardownIfIdle() async throws {}
    /// Removes every bridge link, the table and the records of endpoints, whatever still runs.
    package func removeEverything() async throws {}
}
