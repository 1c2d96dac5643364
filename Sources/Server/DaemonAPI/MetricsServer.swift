// SPDX-License-Identifier: Apache-2.0
// `/metrics` for Prometheus, on an address of its own: nothing else can be asked there.
package import Engine
package import HTTP
package import Logging

/// Answers `GET /metrics` and nothing else.
package final class MetricsServer: Sendable {
    private let server: HTTPServer

    package init(engine: ContainerEngine, logger: Logger) {
        server = HTTPServer(common: [], logger: logger) { request, responder in
            guard request.rawPath == "/metrics" else {
                return try await responder.send(404, body: Array("404 page not found\n".utf8))
            }
            guard ["GET", "HEAD"].contains(request.method) else {
                return try await responder.send(405, [("Allow", "GET, HEAD")])
            }
            try await responder.send(
                200, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array(try await engine.metrics.text().utf8))
        }
    }

    package func listen(on address: ListenAddress) async throws { try await server.listen(on: address) }
    package func close() async { await server.close() }
}
