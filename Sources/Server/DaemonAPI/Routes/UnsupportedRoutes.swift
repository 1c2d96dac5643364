// SPDX-License-Identifier: Apache-2.0
// Routes that Docker has and apus does not yet: refused by name instead of "page not found".
import HTTP
import Primitives

enum UnsupportedRoutes {
    private static let table: [(String, String)] = [
        ("GET", "/containers/{id}/changes"), ("GET", "/containers/{id}/export"), ("GET", "/containers/{id}/stats"),
        ("GET", "/containers/{id}/archive"), ("HEAD", "/containers/{id}/archive"),
        ("PUT", "/containers/{id}/archive"), ("GET", "/containers/{id}/checkpoints"),
        ("POST", "/containers/{id}/checkpoints"),
        ("DELETE", "/containers/{id}/checkpoints/{name}"), ("POST", "/commit"), ("POST", "/build"),
        ("POST", "/build/prune"),
        ("POST", "/build/cancel"), ("POST", "/session"), ("POST", "/grpc"), ("GET", "/distribution/{name*}/json"),
        ("PUT", "/volumes/{name}"), ("GET", "/plugins"), ("GET", "/plugins/privileges"), ("POST", "/plugins/pull"),
        ("POST", "/plugins/create"), ("GET", "/plugins/{name*}/json"), ("DELETE", "/plugins/{name*}"),
        ("POST", "/plugins/{name*}/enable"), ("POST", "/plugins/{name*}/disable"), ("POST", "/plugins/{name*}/push"),
        ("POST", "/plugins/{name*}/set"), ("POST", "/plugins/{name*}/upgrade"),
    ]
    private static let swarm = ["swarm", "nodes", "services", "tasks", "secrets", "configs"]

    static let routes: [Route] =
        table.map { method, pattern in
            Route(method, pattern) { _ in throw EngineError.notImplemented("\(method) \(pattern) is not supported yet")
            }
        }
        + swarm.flatMap { noun in
            ["GET", "POST", "DELETE"].flatMap { method in
                ["/\(noun)", "/\(noun)/{rest*}"].map { pattern in
                    Route(method, pattern) { call in
                        guard method != "POST" || !["init", "join"].contains(call.parameter("rest")) else {
                            throw EngineError.notImplemented(
                                "\(method) /\(noun)/\(call.parameter("rest")) is not supported yet")
                        }
                        throw EngineError.unavailable(
                            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
                        )
                    }
                }
            }
        }
}
