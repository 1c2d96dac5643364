// SPDX-License-Identifier: Apache-2.0
// Logs, attach and exec start: output as Docker frames it, input by taking the connection over.
import DockerAPI
import Engine
import HTTP
import Primitives

enum StreamRoutes {
    static func routes(_ engine: ContainerEngine) -> [Route] {
        [
            Route("GET", "/containers/{id}/logs") { call in try await logs(engine, call) },
            Route("POST", "/containers/{id}/attach") { call in
                call.responder.allowHalfClose()
                let options = try attachOptions(call)
                let connection = try await engine.containers.attach(call.parameter("id"), options)
                try await Hijack.run(connection, call)
            },
            Route("GET", "/containers/{id}/attach/ws") { call in
                var options = try attachOptions(call)
                options.stream = true
                if !options.stdin, !options.stdout, !options.stderr {
                    (options.stdin, options.stdout, options.stderr) = (true, true, true)
                }
                let accept = try WebSocket.accept(call)
                let connection = try await engine.containers.attach(call.parameter("id"), options)
                try await WebSocket.run(connection, call, accept: accept)
            },
            Route("POST", "/exec/{id}/start") { call in
                let request = try await call.decode(ExecStartRequest.self)
                if !(request.detach) { call.responder.allowHalfClose() }
                guard let connection = try await engine.execs.start(call.parameter("id"), request) else {
                    return try await call.replyEmpty(200)
                }
                try await Hijack.run(connection, call)
            },
        ]
    }

    private static func attachOptions(_ call: APICall) throws -> AttachOptions {
        var options = AttachOptions()
        options.stream = call.flag("stream")
        options.logs = call.flag("logs")
        options.stdin = call.flag("stdin")
        options.stdout = call.flag("stdout")
        options.stderr = call.flag("stderr")
        options.detachKeys = call.text("detachKeys")
        return options
    }

    private static func logs(_ engine: ContainerEngine, _ call: APICall) async throws {
        var options = LogsOptions()
        options.follow = call.flag("follow")
        options.stdout = call.flag("stdout")
        options.stderr = call.flag("stderr")
        options.timestamps = call.flag("timestamps")
        options.details = call.flag("details")
        options.since = try call.time("since")
        options.until = try call.time("until")
        if let tail = call.text("tail"), tail != "all" { options.tail = Int(tail).flatMap { $0 >= 0 ? $0 : nil } }
        guard options.stdout || options.stderr else {
            throw EngineError.invalidArgument("Bad parameters: you must choose at least one stream")
        }
        if options.follow { call.responder.markEndless() }
        let source = try await engine.containers.logs(call.parameter("id"), options)
        try await call.responder.stream(
            200, [("Content-Type", Frame.contentType(isRaw: source.isRaw, call.version))])
        try await withTaskCancellationHandler {
            do {
                while let chunk = try await source.next() {
                    try await call.responder.write(Frame.lines(chunk, isRaw: source.isRaw))
                }
            } catch {
                await source.close()
                throw error
            }
        } onCancel: {
            Task { await source.close() }
        }
        try await call.responder.finish()
    }
}
