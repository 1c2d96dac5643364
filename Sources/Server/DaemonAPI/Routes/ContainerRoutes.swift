// SPDX-License-Identifier: Apache-2.0
// Containers and execs, as far as answers are whole; streams are in StreamRoutes.
import DockerAPI
import Engine
import HTTP
import JSON
import Primitives

enum ContainerRoutes {
    static func routes(_ engine: ContainerEngine) -> [Route] { life(engine) + views(engine) + execs(engine) }

    private static func life(_ engine: ContainerEngine) -> [Route] {
        let containers = engine.containers
        return [
            Route("POST", "/containers/create") { call in
                let answer = try await containers.create(
                    name: call.text("name"), platform: call.text("platform"), body: try await call.body())
                try await call.reply(answer, status: 201)
            },
            Route("POST", "/containers/prune") { call in
                try await call.reply(try await containers.prune(try call.filters()))
            },
            Route("POST", "/containers/{id}/start") { call in
                try call.refuse("checkpoint")
                try await containers.start(call.parameter("id"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/stop") { call in
                try await containers.stop(
                    call.parameter("id"), signal: call.text("signal"), timeout: try call.integer("t"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/restart") { call in
                try await containers.restart(
                    call.parameter("id"), signal: call.text("signal"), timeout: try call.integer("t"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/kill") { call in
                try await containers.kill(call.parameter("id"), signal: call.text("signal"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/pause") { call in
                try await containers.pause(call.parameter("id"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/unpause") { call in
                try await containers.unpause(call.parameter("id"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/rename") { call in
                guard let name = call.text("name") else {
                    throw EngineError.invalidArgument("Neither old nor new names may be empty")
                }
                try await containers.rename(call.parameter("id"), to: name)
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/resize") { call in
                let (height, width) = try size(call)
                try await containers.resize(call.parameter("id"), height: height, width: width)
                try await call.replyEmpty(200)
            },
            Route("DELETE", "/containers/{id}") { call in
                try await containers.remove(
                    call.parameter("id"), force: call.flag("force"), volumes: call.flag("v"), link: call.flag("link"))
                try await call.replyEmpty()
            },
            Route("POST", "/containers/{id}/wait") { call in
                let name = call.text("condition") ?? "not-running"
                guard let condition = WaitCondition(rawValue: name) else {
                    throw EngineError.invalidArgument("invalid condition: \"\(name)\"")
                }
                call.responder.markEndless()
                let pending = try await containers.wait(call.parameter("id"), condition: condition)
                // The head goes out now: clients start the container once they have it.
                try await call.responder.stream(200, [("Content-Type", "application/json")])
                try await call.responder.write(try WireJSON.encode(try await pending.result()) + [10])
                try await call.responder.finish()
            },
        ]
    }

    private static func views(_ engine: ContainerEngine) -> [Route] {
        let containers = engine.containers
        return [
            Route("GET", "/containers/json") { call in
                var options = ContainerListOptions()
                options.all = call.flag("all")
                options.limit = try call.integer("limit").flatMap { $0 > 0 ? $0 : nil }
                options.size = call.flag("size")
                options.filters = try call.filters()
                try await call.reply(try await containers.list(options))
            },
            Route("GET", "/containers/{id}/json") { call in
                var view = try await containers.inspect(call.parameter("id"), size: call.flag("size"))
                if call.version < APIVersion(1, 45) {
                    // Until then the short ID stood among the aliases.
                    let alias = Identifier.short(view.id)
                    for name in view.networkSettings.networks.keys where !["bridge", "host", "none"].contains(name) {
                        let given = view.networkSettings.networks[name]?.aliases ?? []
                        view.networkSettings.networks[name]?.aliases = given + [alias]
                    }
                }
                try await call.reply(view)
            },
            Route("POST", "/containers/{id}/update") { call in
                try await call.reply(try await containers.update(call.parameter("id"), body: try await call.body()))
            },
            Route("GET", "/containers/{id}/top") { call in
                try await call.reply(try await containers.top(call.parameter("id"), arguments: call.text("ps_args")))
            },
        ]
    }

    private static func execs(_ engine: ContainerEngine) -> [Route] {
        let execs = engine.execs
        return [
            Route("POST", "/containers/{id}/exec") { call in
                // The container is looked up first: a client that named a wrong one hears that, whatever else is wrong.
                _ = try await engine.containers.inspect(call.parameter("id"), size: false)
                let request = try await call.decode(ExecCreateRequest.self)
                try await call.reply(try await execs.create(call.parameter("id"), request), status: 201)
            },
            Route("POST", "/exec/{id}/resize") { call in
                let (height, width) = try size(call)
                try await execs.resize(call.parameter("id"), height: height, width: width)
                try await call.replyEmpty(200)
            },
            Route("GET", "/exec/{id}/json") { call in
                try await call.reply(try await execs.inspect(call.parameter("id")))
            },
        ]
    }

    private static func size(_ call: APICall) throws -> (Int, Int) {
        (try call.integer("h") ?? 0, try call.integer("w") ?? 0)
    }
}
