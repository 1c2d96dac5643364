// SPDX-License-Identifier: Apache-2.0
// /_ping, /version, /info, /events, /auth, /system/df.
import DockerAPI
import Engine
import HTTP
import Primitives

enum SystemRoutes {
    static func routes(_ engine: ContainerEngine) -> [Route] {
        [
            Route("GET", "/_ping") { call in
                try await call.responder.send(
                    200,
                    [
                        ("Content-Type", "text/plain; charset=utf-8"),
                        ("Cache-Control", "no-cache, no-store, must-revalidate"),
                        ("Pragma", "no-cache"), ("Swarm", "inactive"),
                    ], body: Array("OK".utf8))
            },
            Route("GET", "/version") { call in try await call.reply(engine.system.version()) },
            Route("GET", "/info") { call in try await call.reply(try await engine.system.info()) },
            Route("GET", "/system/df") { call in
                try await call.reply(try await engine.system.diskUsage(types: call.request.queryAll("type")))
            },
            Route("POST", "/auth") { call in
                try await call.reply(try await engine.system.authenticate(try await call.decode(AuthConfig.self)))
            },
            Route("GET", "/events") { call in
                let subscription = try engine.events.subscribe(
                    since: try call.time("since"), until: try call.time("until"), filters: try call.filters())
                defer { subscription.close() }
                call.responder.markEndless()
                try await call.responder.stream(200, [("Content-Type", "application/json")])
                try await withTaskCancellationHandler {
                    while let event = try await subscription.next() {
                        try await call.responder.write(try WireJSON.encode(event) + [10])
                    }
                } onCancel: {
                    subscription.close()
                }
                try await call.responder.finish()
            },
        ]
    }
}
