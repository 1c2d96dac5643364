// SPDX-License-Identifier: Apache-2.0
// Names the daemon knows, for completion; a daemon that does not answer knows none.
import DockerClient
import JSON

/// Asks for names when a candidate list needs them.
struct CompletionObjects {
    let settings: Settings

    private func list(_ path: String, _ query: [(String, String)] = []) -> JSONValue {
        // Completion is silent: an unreachable daemon is the same as an empty one. ssh might ask for a password.
        guard let client = try? settings.makeClient() else { return .null }
        if case .ssh = client.endpoint.address { return .null }
        return (try? client.json("GET", path, query: query)) ?? .null
    }

    /// Names of containers, of those in one of `states` when given.
    func containers(_ states: [String] = []) -> [String] {
        let withIDs = settings.environment["DOCKER_COMPLETION_SHOW_CONTAINER_IDS"] == "yes"
        return (list("/containers/json", [("all", "1")]).array ?? [])
            .filter { states.isEmpty || states.contains($0["State"]?.string ?? "") }
            .flatMap { item -> [String] in
                let names = (item["Names"]?.strings ?? []).map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
                return (withIDs ? [item["Id"]?.string ?? ""] : []) + names
            }
    }

    func images() -> [String] {
        (list("/images/json").array ?? []).flatMap { $0["RepoTags"]?.strings ?? [] }.filter { $0 != "<none>:<none>" }
            .sorted()
    }

    func networks() -> [String] { (list("/networks").array ?? []).compactMap { $0["Name"]?.string }.sorted() }

    func volumes() -> [String] {
        (list("/volumes")["Volumes"]?.array ?? []).compactMap { $0["Name"]?.string }.sorted()
    }
}
