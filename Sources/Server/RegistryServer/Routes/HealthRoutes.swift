// SPDX-License-Identifier: Apache-2.0
// `/health` and `/metrics`: is it well, and what has it done?
import HTTP
import Primitives
import Synchronization

enum HealthRoutes {
    /// 200 while the folder can be used; nothing else is told, so nobody need prove anything.
    static func health(_ request: HTTPRequest, _ responder: HTTPResponder, _ context: RegistryContext) async throws {
        guard request.method == "GET" || request.method == "HEAD" else {
            throw Refusal(405, .unsupported, "the operation is unsupported", headers: [("Allow", "GET, HEAD")])
        }
        let isUsable = context.store.folder.isUsable
        try await responder.send(
            isUsable ? 200 : 503, [("Content-Type", "text/plain")],
            body: Array((isUsable ? "ok\n" : "storage failed\n").utf8))
    }

    static func metrics(_ call: RegistryCall) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        try call.context.access.requireProof(call.caller, call.request)
        try await call.responder.send(
            200, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
            body: Array(call.context.metrics.text().utf8))
    }
}

/// Counters since the start.
final class RegistryMetrics: Sendable {
    private struct Counts {
        var requests: [String: Int] = [:]
        var refusals: [Int: Int] = [:]
        var received = 0
        var sent = 0
        var collections = 0
        var collectedBytes: Int64 = 0
    }

    private let counts = Mutex(Counts())

    init() {}

    /// Methods that are none of ours share a name: a client cannot make the table grow.
    func count(_ method: String) {
        let name = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(method) ? method : "other"
        counts.withLock { $0.requests[name, default: 0] += 1 }
    }

    func countRefusal(_ status: Int) { counts.withLock { $0.refusals[status, default: 0] += 1 } }
    func countReceived(_ bytes: Int) { counts.withLock { $0.received += bytes } }
    func countSent(_ bytes: Int) { counts.withLock { $0.sent += bytes } }

    func countCollection(_ outcome: GarbageCollector.Outcome) {
        counts.withLock {
            $0.collections += 1
            $0.collectedBytes += outcome.bytes
        }
    }

    /// The Prometheus text format.
    func text() -> String {
        let counts = counts.withLock { $0 }
        var text =
            "# HELP apus_registry_requests_total Requests by method.\n# TYPE apus_registry_requests_total counter\n"
        for (method, count) in counts.requests.sorted(by: { $0.key < $1.key }) {
            text += "apus_registry_requests_total{method=\"\(method)\"} \(count)\n"
        }
        text +=
            "# HELP apus_registry_refusals_total Refused requests by status.\n# TYPE apus_registry_refusals_total counter\n"
        for (status, count) in counts.refusals.sorted(by: { $0.key < $1.key }) {
            text += "apus_registry_refusals_total{status=\"\(status)\"} \(count)\n"
        }
        for (name, help, value) in [
            ("received_bytes_total", "Bytes of blobs that came in.", Int64(counts.received)),
            ("sent_bytes_total", "Bytes of blobs that went out.", Int64(counts.sent)),
            ("collections_total", "Garbage collections that ended.", Int64(counts.collections)),
            ("collected_bytes_total", "Bytes that garbage collection has freed.", counts.collectedBytes),
        ] {
            text +=
                "# HELP apus_registry_\(name) \(help)\n# TYPE apus_registry_\(name) counter\napus_registry_\(name) \(value)\n"
        }
        return text
    }
}
