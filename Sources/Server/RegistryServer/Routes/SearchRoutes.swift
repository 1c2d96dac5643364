// SPDX-License-Identifier: Apache-2.0
// `/v1/search`, which `docker search HOST/word` asks, and the ping that comes before it (the old index API).
import AsyncSystem
import HTTP
import JSON
import Primitives

enum SearchRoutes {
    private static let pageLimit = 100

    static func serve(_ path: [String], _ call: RegistryCall) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        switch path {
        case ["_ping"]:
            try await call.responder.send(
                200, [("Content-Type", "application/json"), ("X-Docker-Registry-Standalone", "true")],
                body: Array("true".utf8))
        case ["search"]: try await search(call)
        default: throw Refusal(404, .unknown, "page not found")
        }
    }

    private static func search(_ call: RegistryCall) async throws {
        // What is open to all may be found by all; a caller who could see more is not asked for a proof.
        let query = (call.request.query("q") ?? "").lowercased()
        guard query.utf8.count <= 255 else { throw Refusal(400, .unsupported, "search word too long") }
        func number(_ name: String, _ usual: Int, _ range: ClosedRange<Int>) throws -> Int {
            guard let text = call.request.query(name), !text.isEmpty else { return usual }
            guard let number = Int(text), range.contains(number) else {
                throw Refusal(400, .paginationInvalid, "invalid \(name): \(text.prefix(40))")
            }
            return number
        }
        let size = try number("n", 25, 1...pageLimit)
        let page = try number("page", 1, 1...1_000_000)
        let store = call.store
        let all = try await Blocking.run { try store.repositories() }
        let visible = await call.context.access.visible(all, to: call.caller)
        // The whole list is described once: what a description says can be searched for as well.
        let found = try await Blocking.run { () -> [(RepositoryName, RepositoryAbout)] in
            var found: [(RepositoryName, RepositoryAbout)] = []
            for repository in visible {
                let about = try store.about(repository)
                guard query.isEmpty || repository.text.contains(query) || about.description.lowercased().contains(query)
                else { continue }
                found.append((repository, about))
            }
            return found.sorted {
                ($1.1.isOfficial ? 1 : 0, $1.1.stars, $0.0) < ($0.1.isOfficial ? 1 : 0, $0.1.stars, $1.0)
            }
        }
        let (start, overflow) = (page - 1).multipliedReportingOverflow(by: size)
        let items = overflow ? [] : Array(found.dropFirst(start).prefix(size))
        let answer: JSONValue = [
            "num_pages": .int(Int64((found.count + size - 1) / size)), "num_results": .int(Int64(found.count)),
            "page": .int(Int64(page)), "page_size": .int(Int64(size)), "query": .string(query),
            "results": .array(
                items.map { repository, about in
                    [
                        "name": .string(repository.text), "description": .string(about.description),
                        "star_count": .int(Int64(about.stars)), "is_official": .bool(about.isOfficial),
                        "is_automated": false, "is_trusted": false,
                    ]
                }),
        ]
        try await ListRoutes.send(call, answer, [])
    }
}
