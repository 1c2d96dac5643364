import Glibc
// SPDX-License-Identifier: Apache-2.0
// From a path to its route, and from an error to its answer.
import HTTP
import JSON
import Linux
import Logging
import Primitives

/// Serves the distribution API, tokens, search and the pages for people.
struct RegistryRouter: Sendable {
    private let context: RegistryContext
    private let logger: Logger

    init(context: RegistryContext, logger: Logger) {
        self.context = context
        self.logger = logger
    }

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        context.metrics.count(request.method)
        do {
            try await dispatch(request, responder)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            if responder.isStarted {
                // The head is out: the only way left to say that something went wrong is to break off.
                logger.warning("an answer broke off", metadata: ["path": "\(request.rawPath)", "error": "\(error)"])
                responder.abort()
                return
            }
            let refusal = Self.refusal(error)
            context.metrics.countRefusal(refusal.status)
            if refusal.status >= 500 {
                logger.error("request failed", metadata: ["path": "\(request.rawPath)", "error": "\(error)"])
            } else {
                logger.debug(
                    "refused",
                    metadata: ["path": "\(request.rawPath)", "status": "\(refusal.status)", "why": "\(refusal)"])
            }
            try await responder.send(
                refusal.status, [("Content-Type", "application/json")] + refusal.headers, body: refusal.body)
        }
    }

    private static func refusal(_ error: any Error) -> Refusal {
        if let refusal = error as? Refusal { return refusal }
        if let error = error as? Errno {
            if [ENOSPC, EDQUOT].contains(error.code) { return Refusal(507, .unavailable, "no space left for content") }
            return Refusal(500, .unknown, "the registry's storage failed")
        }
        guard let error = error as? EngineError else { return Refusal(500, .unknown, "unknown error") }
        return switch error.kind {
        case .invalidArgument: Refusal(400, .unsupported, error.message)
        case .payloadTooLarge: Refusal(413, .sizeInvalid, error.message)
        case .notFound: Refusal(404, .unknown, error.message)
        case .unavailable: Refusal(503, .unavailable, error.message)
        default: Refusal(500, .unknown, "unknown error")
        }
    }

    private func dispatch(_ request: HTTPRequest, _ responder: HTTPResponder) async throws {
        var segments: [String] = []
        for part in request.rawPath.split(separator: "/") {
            guard let text = URLText.decode(part), !text.utf8.contains(0), !text.utf8.contains(UInt8(ascii: "/")) else {
                throw Refusal(400, .nameInvalid, "invalid URL escape")
            }
            segments.append(text)
        }
        if segments == ["token"] {
            return try await TokenRoutes.serve(
                RegistryCall(request: request, responder: responder, context: context, caller: Caller()))
        }
        if segments == ["health"] { return try await HealthRoutes.health(request, responder, context) }
        let caller = try await context.access.identify(request)
        let call = RegistryCall(request: request, responder: responder, context: context, caller: caller)
        switch segments.first {
        case "v2": try await registry(Array(segments.dropFirst()), call)
        case "v1": try await SearchRoutes.serve(Array(segments.dropFirst()), call)
        case "metrics" where segments.count == 1: try await HealthRoutes.metrics(call)
        case nil, "style.css": try await PageRoutes.serve(segments, call)
        default: throw Refusal(404, .unknown, "page not found")
        }
    }

    /// Names may contain any of the words that separate them from what follows: the end of a path decides.
    private func registry(_ path: [String], _ call: RegistryCall) async throws {
        let count = path.count
        func name(_ behind: Int) throws -> RepositoryName {
            let text = path.dropLast(behind).joined(separator: "/")
            guard let name = RepositoryName(text) else {
                throw Refusal(400, .nameInvalid, "invalid repository name: \(text.prefix(300))")
            }
            return name
        }
        if count == 0 { return try await ListRoutes.ping(call) }
        if path == ["_catalog"] { return try await ListRoutes.catalog(call) }
        if count >= 3, path[count - 2] == "blobs", path[count - 1] == "uploads" {
            return try await UploadRoutes.start(call, try name(2))
        }
        if count >= 4, path[count - 3] == "blobs", path[count - 2] == "uploads" {
            return try await UploadRoutes.session(call, try name(3), path[count - 1])
        }
        guard count >= 3 else { throw Refusal(404, .unknown, "page not found") }
        let last = path[count - 1]
        switch path[count - 2] {
        case "blobs": try await BlobRoutes.serve(call, try name(2), last)
        case "manifests": try await ManifestRoutes.serve(call, try name(2), last)
        case "tags" where last == "list": try await ListRoutes.tags(call, try name(2))
        case "referrers": try await ListRoutes.referrers(call, try name(2), last)
        default: throw Refusal(404, .unknown, "page not found")
        }
    }
}
