// SPDX-License-Identifier: Apache-2.0
// Images: transfers as progress streams and archives, the rest as JSON.
import DockerAPI
import Engine
import HTTP
import Primitives

enum ImageRoutes {
    static func routes(_ engine: ContainerEngine) -> [Route] { transfers(engine.images) + views(engine.images) }

    private static func transfers(_ images: ImageService) -> [Route] {
        [
            Route("POST", "/images/create") { call in
                if let source = call.text("fromSrc") {
                    var options = ImageImportOptions()
                    options.source = source
                    options.repository = call.request.query("repo") ?? ""
                    options.tag = call.request.query("tag") ?? ""
                    options.message = call.request.query("message") ?? ""
                    options.changes = call.request.queryAll("changes")
                    options.platform = call.request.query("platform") ?? ""
                    let given = options
                    return try await call.progressStream {
                        try await images.importImage(given, from: call.request.body, progress: $0)
                    }
                }
                var options = ImagePullOptions()
                options.fromImage = call.request.query("fromImage") ?? ""
                options.tag = call.request.query("tag") ?? ""
                options.platform = call.request.query("platform") ?? ""
                options.auth = try call.registryAuth()
                let given = options
                try await call.progressStream { try await images.pull(given, progress: $0) }
            },
            Route("POST", "/images/load") { call in
                try await call.progressStream(failsInStream: true) {
                    try await images.load(
                        from: call.request.body, quiet: call.flag("quiet"),
                        platform: call.request.query("platform") ?? "", progress: $0)
                }
            },
            Route("GET", "/images/get") { call in try await save(images, call.request.queryAll("names"), call) },
            Route("GET", "/images/{name*}/get") { call in try await save(images, [call.parameter("name")], call) },
            Route("POST", "/images/{name*}/push") { call in
                var options = ImagePushOptions()
                options.name = call.parameter("name")
                options.tag = call.request.query("tag") ?? ""
                options.platform = call.request.query("platform") ?? ""
                options.auth = try call.registryAuth()
                let given = options
                try await call.progressStream { try await images.push(given, progress: $0) }
            },
        ]
    }

    private static func views(_ images: ImageService) -> [Route] {
        [
            Route("GET", "/images/json") { call in
                try call.refuse("manifests", "identity")
                var options = ImageListOptions()
                options.all = call.flag("all")
                options.filters = try call.filters()
                options.sharedSize = call.flag("shared-size")
                options.digests = call.flag("digests")
                var list = try await images.list(options)
                if call.version < APIVersion(1, 44) {
                    for index in list.indices { list[index].virtualSize = list[index].size }
                }
                try await call.reply(list)
            },
            Route("POST", "/images/prune") { call in try await call.reply(try await images.prune(try call.filters())) },
            Route("GET", "/images/search") { _ in
                throw EngineError.notImplemented("searching registries is not supported yet")
            },
            Route("GET", "/images/{name*}/json") { call in
                try call.refuse("manifests", "platform")
                var image = try await images.inspect(call.parameter("name"))
                if call.version < APIVersion(1, 44) { image.virtualSize = image.size }
                try await call.reply(image)
            },
            Route("GET", "/images/{name*}/history") { call in
                try call.refuse("platform")
                try await call.reply(try await images.history(call.parameter("name")))
            },
            Route("POST", "/images/{name*}/tag") { call in
                try await images.tag(
                    call.parameter("name"), repository: call.request.query("repo") ?? "",
                    tag: call.request.query("tag") ?? "")
                try await call.replyEmpty(201)
            },
            Route("DELETE", "/images/{name*}") { call in
                try call.refuse("platforms")
                try await call.reply(
                    try await images.delete(
                        call.parameter("name"), force: call.flag("force"), prune: !call.flag("noprune")))
            },
        ]
    }

    private static func save(_ images: ImageService, _ names: [String], _ call: APICall) async throws {
        let responder = call.responder
        try await images.save(names, platform: call.request.query("platform") ?? "") { bytes in
            if !responder.isStarted { try await responder.stream(200, [("Content-Type", "application/x-tar")]) }
            try await responder.write(bytes)
        }
        try await responder.finish()
    }
}
