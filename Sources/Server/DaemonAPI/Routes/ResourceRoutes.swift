// SPDX-License-Identifier: Apache-2.0
// Networks and volumes.
import DockerAPI
import Engine
import HTTP
import Primitives

enum ResourceRoutes {
    static func routes(_ engine: ContainerEngine) -> [Route] { networks(engine.networks) + volumes(engine.volumes) }

    private static func networks(_ networks: NetworkService) -> [Route] {
        [
            Route("GET", "/networks") { call in try await call.reply(try await networks.list(try call.filters())) },
            Route("POST", "/networks/create") { call in
                try await call.reply(
                    try await networks.create(try await call.decode(NetworkCreateRequest.self)), status: 201)
            },
            Route("POST", "/networks/prune") { call in
                try await call.reply(try await networks.prune(try call.filters()))
            },
            Route("GET", "/networks/{id}") { call in
                if let scope = call.text("scope"), scope != "local" {
                    throw EngineError.notImplemented("the scope \(scope) is not supported yet")
                }
                try await call.reply(try await networks.inspect(call.parameter("id")))
            },
            Route("DELETE", "/networks/{id}") { call in
                try await networks.remove(call.parameter("id"))
                try await call.replyEmpty()
            },
            Route("POST", "/networks/{id}/connect") { call in
                try await networks.connect(call.parameter("id"), try await call.decode(NetworkConnectRequest.self))
                try await call.replyEmpty(200)
            },
            Route("POST", "/networks/{id}/disconnect") { call in
                try await networks.disconnect(
                    call.parameter("id"), try await call.decode(NetworkDisconnectRequest.self))
                try await call.replyEmpty(200)
            },
        ]
    }

    private static func volumes(_ volumes: VolumeService) -> [Route] {
        [
            Route("GET", "/volumes") { call in try await call.reply(try await volumes.list(try call.filters())) },
            Route("POST", "/volumes/create") { call in
                try await call.reply(
                    try await volumes.create(try await call.decode(VolumeCreateRequest.self)), status: 201)
            },
            Route("POST", "/volumes/prune") { call in try await call.reply(try await volumes.prune(try call.filters()))
            },
            Route("GET", "/volumes/{name}") { call in
                try await call.reply(try await volumes.inspect(call.parameter("name")))
            },
            Route("DELETE", "/volumes/{name}") { call in
                try await volumes.remove(call.parameter("name"), force: call.flag("force"))
                try await call.replyEmpty()
            },
        ]
    }
}
