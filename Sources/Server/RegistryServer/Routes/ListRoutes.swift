// SPDX-License-Identifier: Apache-2.0
// What is there: the ping, repositories, tags, referrers (distribution-spec, "Content Discovery").
import AsyncSystem
import HTTP
import JSON
import OCI
import Primitives

enum ListRoutes {
    private static let referrersPerPage = 500

    /// `/v2/`: whether this is a registry, and whether the caller's proof is good.
    static func ping(_ call: RegistryCall) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        try call.context.access.requireProof(call.caller, call.request)
        try await send(call, [:], [])
    }

    static func catalog(_ call: RegistryCall) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        try call.context.access.requireProof(call.caller, call.request)
        let store = call.store
        let all = try await Blocking.run { try store.repositories() }
        let visible = await call.context.access.visible(all, to: call.caller)
        let page = try call.page(visible, path: "/v2/_catalog") { $0.text }
        try await send(call, ["repositories": .array(page.items.map { .string($0.text) })], page.headers)
    }

    static func tags(_ call: RegistryCall, _ repository: RepositoryName) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        try await call.require([.pull], repository)
        let store = call.store
        if let upstream = call.context.upstream {
            try await upstream.tags(call, repository)
        } else {
            let tags = try await Blocking.run { try store.exists(repository) ? try store.tags(repository) : nil }
            guard let tags else {
                throw Refusal(404, .nameUnknown, "repository name not known to registry: \(repository)")
            }
            let page = try call.page(tags, path: "/v2/\(repository)/tags/list") { $0 }
            try await send(
                call, ["name": .string(repository.text), "tags": .array(page.items.map { .string($0) })], page.headers)
        }
    }

    static func referrers(_ call: RegistryCall, _ repository: RepositoryName, _ text: String) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        try await call.require([.pull], repository)
        guard let subject = try? Digest(parsing: text) else {
            throw Refusal.digestInvalid("invalid digest: \(text.prefix(200))")
        }
        let wanted = call.request.query("artifactType")
        let type = wanted?.isEmpty == true ? nil : wanted
        let (store, last) = (call.store, call.request.query("last"))
        let found = try await Blocking.run {
            try store.referrers(repository, of: subject, artifactType: type, after: last, limit: referrersPerPage)
        }
        var headers: [(String, String)] = []
        if type != nil { headers.append(("OCI-Filters-Applied", "artifactType")) }
        if let next = found.next {
            let filter = type.map { "&artifactType=" + URLEscape.query($0) } ?? ""
            headers.append(
                (
                    "Link",
                    "</v2/\(repository)/referrers/\(subject)?last=\(URLEscape.query(next))\(filter)>; rel=\"next\""
                ))
        }
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex), "manifests": .array(found.descriptors),
        ]
        try await send(call, index, headers, type: MediaType.ociIndex)
    }

    static func send(
        _ call: RegistryCall, _ json: JSONValue, _ headers: [(String, String)], type: String = "application/json"
    ) async throws {
        try await call.responder.send(
            200, [("Content-Type", type)] + headers, body: json.serialize(escapesHTML: true) + [10])
    }
}
