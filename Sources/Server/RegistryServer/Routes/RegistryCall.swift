// SPDX-License-Identifier: Apache-2.0
// One request to the registry on its way: what was asked, who asks, what serves it.
import HTTP
import Primitives

/// What all routes stand on.
struct RegistryContext: Sendable {
    let store: RegistryStore
    let uploads: Uploads
    let access: AccessControl
    /// The registry whose copies this one serves; pushes are refused then.
    let upstream: ProxyCache?
    let metrics: RegistryMetrics
}

/// One request and its answer.
struct RegistryCall: Sendable {
    let request: HTTPRequest
    let responder: HTTPResponder
    let context: RegistryContext
    let caller: Caller

    var store: RegistryStore { context.store }
    var isRead: Bool { request.method == "GET" || request.method == "HEAD" }

    func require(_ actions: [Action], _ repository: RepositoryName) async throws {
        try await context.access.require(caller, actions, in: repository, request)
    }

    /// A copy of another registry changes only by what that registry has.
    func requireWritable() throws {
        if context.upstream != nil {
            throw Refusal.unsupported("this registry is a pull-through cache: push to the registry behind it")
        }
    }

    func refuseMethod(allowing methods: String) -> Refusal {
        Refusal(405, .unsupported, "the operation is unsupported", headers: [("Allow", methods)])
    }

    /// `n` of a paginated list; nil when all is wanted.
    func pageSize() throws -> Int? {
        guard let text = request.query("n") else { return nil }
        guard let number = Int(text), number >= 0, text.utf8.first.map({ (48...57).contains($0) }) == true else {
            throw Refusal(400, .paginationInvalid, "invalid number of results requested: \(text.prefix(40))")
        }
        return number
    }

    /// One page of an ordered list and the link to the next one (RFC 5988).
    func page<T>(_ all: [T], path: String, name: (T) -> String) throws -> (items: [T], headers: [(String, String)]) {
        var items = all[...]
        if let last = request.query("last") {
            items = items.drop { !last.utf8.lexicographicallyPrecedes(name($0).utf8) }
        }
        guard let size = try pageSize() else { return (Array(items), []) }
        let page = Array(items.prefix(size))
        guard page.count < items.count, let end = page.last else { return (page, []) }
        let link = "<\(path)?n=\(size)&last=\(URLEscape.query(name(end)))>; rel=\"next\""
        return (page, [("Link", link)])
    }
}

/// Percent-encoding of what goes into an address.
enum URLEscape {
    static func query(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + hexString([byte]).uppercased()
            }
        }
        return out
    }
}
