// SPDX-License-Identifier: Apache-2.0
// The Docker Engine API over HTTP: versions, the route table, errors.
import DockerAPI
package import Engine
package import HTTP
import JSON
package import Logging
import Primitives

/// Serves one engine. It translates and decides nothing.
package final class APIServer: Sendable {
    private let server: HTTPServer
    private let engine: ContainerEngine

    package init(engine: ContainerEngine, version: String, logger: Logger) {
        self.engine = engine
        let table = RouteTable(engine: engine, logger: logger)
        server = HTTPServer(
            common: [
                ("Api-Version", Build.apiVersion), ("Docker-Experimental", "false"), ("Ostype", "linux"),
                ("Server", "Apus/\(version) (linux)"),
            ], logger: logger
        ) { request, responder in try await table.handle(request, responder) }
    }

    /// Listens on all of the addresses or on none. An engine that nobody can reach is shut down.
    ///
    /// Sockets with a path come last: whoever waits for one to answer finds the other addresses open, too.
    package func listen(on addresses: [ListenAddress]) async throws {
        do {
            for address in addresses where !address.isPath { try await server.listen(on: address) }
            for address in addresses where address.isPath { try await server.listen(on: address) }
        } catch {
            await server.close(limit: .zero)
            await engine.shutdown()
            throw error
        }
    }

    /// Stops accepting; running requests may end within some seconds, streams that wait for something end at once.
    package func close() async { await server.close() }
}

/// Finds the handler of a request and answers its errors.
struct RouteTable: Sendable {
    /// By method and number of literal segments nothing is gained: some sixty rows are compared in a microsecond.
    private let routes: [Route]
    private let logger: Logger

    init(engine: ContainerEngine, logger: Logger) {
        self.init(
            SystemRoutes.routes(engine) + ContainerRoutes.routes(engine) + StreamRoutes.routes(engine)
                + ImageRoutes.routes(engine) + ResourceRoutes.routes(engine) + UnsupportedRoutes.routes, logger: logger)
    }

    init(_ routes: [Route], logger: Logger) {
        self.routes = routes
        self.logger = logger
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        do {
            try await dispatch(request, responder)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            if responder.isStarted {
                // The head is out: the only way left to say that something went wrong is to break off.
                logger.debug("an answer broke off", metadata: ["path": "\(request.rawPath)", "error": "\(error)"])
                responder.abort()
                return
            }
            let status = Status(for: error)
            if status.code == 500 {
                logger.error("request failed", metadata: ["path": "\(request.rawPath)", "error": "\(error)"])
            }
            if status.code == 304 { return try await responder.send(304) }
            let body: JSONValue = ["message": .string(status.message)]
            try await responder.send(status.code, [("Content-Type", "application/json")], body: body.serialize() + [10])
        }
    }

    private func dispatch(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        var segments: [String] = []
        for part in request.rawPath.split(separator: "/") {
            guard let text = URLText.decode(part), !text.utf8.contains(0) else {
                throw EngineError.invalidArgument("invalid URL escape")
            }
            segments.append(text)
        }
        var version = APIVersion.latest
        if let first = segments.first, let asked = APIVersion(first) {
            try asked.check()
            version = asked
            segments.removeFirst()
        }
        for route in routes {
            guard let parameters = route.match(segments) else { continue }
            guard
                route.method == request.method
                    || route.method == "GET" && request.method == "HEAD" && segments == ["_ping"]
            else { continue }
            return try await route.handle(
                APICall(request: request, responder: responder, version: version, parameters: parameters))
        }
        throw EngineError.notFound("page not found")
    }
}
