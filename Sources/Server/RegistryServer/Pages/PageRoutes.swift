// SPDX-License-Identifier: Apache-2.0
// The pages for people: repositories, their tags, and what an image is made of.
import AsyncSystem
import HTTP
import OCI
import Primitives

enum PageRoutes {
    private static let perPage = 100
    private static let policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    static func serve(_ path: [String], _ call: RegistryCall) async throws {
        guard call.isRead else { throw call.refuseMethod(allowing: "GET, HEAD") }
        if path == ["style.css"] {
            return try await call.responder.send(
                200, [("Content-Type", "text/css; charset=utf-8")], body: Array(Self.style.utf8))
        }
        guard path.isEmpty else { throw Refusal(404, .unknown, "page not found") }
        let name = call.request.query("repository")
        do {
            if let name {
                guard let repository = RepositoryName(name) else {
                    throw Refusal(404, .nameUnknown, "no such repository")
                }
                try await call.require([.pull], repository)
                if let text = call.request.query("reference") {
                    guard let reference = ManifestReference(text) else {
                        throw Refusal.manifestUnknown(text.prefix(200))
                    }
                    return try await send(call, try await image(call, repository, reference))
                }
                return try await send(call, try await tags(call, repository))
            }
            try call.context.access.requireProof(call.caller, call.request)
            try await send(call, try await repositories(call))
        } catch let refusal as Refusal where refusal.status == 401 {
            // Browsers know passwords, not tokens.
            throw Refusal(
                401, .unauthorized, refusal.message, headers: [("WWW-Authenticate", "Basic realm=\"apus-registry\"")])
        }
    }

    private static func send(_ call: RegistryCall, _ page: HTML) async throws {
        try await call.responder.send(
            200,
            [
                ("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy),
                ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"),
            ], body: Array(page.markup.utf8))
    }

    private static func page(_ title: String, _ content: HTML) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(title)</title><link rel="stylesheet" href="/style.css"></head>
        <body><header><a href="/">apus registry</a></header><main><h1>\(title)</h1>
        \(content)
        </main></body></html>

        """
    }

    private static func repositories(_ call: RegistryCall) async throws -> HTML {
        let store = call.store
        let all = try await Blocking.run { try store.repositories() }
        let visible = await call.context.access.visible(all, to: call.caller)
        let (shown, next) = slice(visible, call) { $0.text }
        let rows = try await Blocking.run {
            try shown.map { repository -> HTML in
                let count = try store.tags(repository).count
                let about = try store.about(repository)
                return """
                    <tr><td><a href="/?repository=\(query: repository.text)">\(repository)</a></td><td class="n">\(count)</td>\
                    <td>\(about.description)</td></tr>

                    """
            }
        }
        let more: HTML = next.map { "<p><a href=\"/?last=\(query: $0)\">more</a></p>" } ?? ""
        if visible.isEmpty { return page("Repositories", "<p>Nothing has been pushed yet.</p>") }
        return page(
            "Repositories",
            "<table><thead><tr><th>Repository</th><th>Tags</th><th>Description</th></tr></thead><tbody>\(rows)</tbody></table>\(more)"
        )
    }

    private static func tags(_ call: RegistryCall, _ repository: RepositoryName) async throws -> HTML {
        let store = call.store
        let all = try await Blocking.run { try store.exists(repository) ? try store.tags(repository) : nil }
        guard let all else { throw Refusal(404, .nameUnknown, "no such repository") }
        let (shown, next) = slice(all, call) { $0 }
        let rows = try await Blocking.run {
            try shown.map { tag -> HTML in
                let digest = try store.digest(repository, tag: tag)
                let document = try digest.flatMap { try Self.document(store, repository, $0) }
                return """
                    <tr><td><a href="/?repository=\(query: repository.text)&amp;reference=\(query: tag)">\(tag)</a></td>\
                    <td class="n">\(document.map { size(store, repository, $0) } ?? "")</td>\
                    <td><code>\(digest?.description ?? "")</code></td></tr>

                    """
            }
        }
        let more: HTML =
            next.map { "<p><a href=\"/?repository=\(query: repository.text)&amp;last=\(query: $0)\">more</a></p>" }
            ?? ""
        return page(
            repository.text,
            "<table><thead><tr><th>Tag</th><th>Size</th><th>Digest</th></tr></thead><tbody>\(rows)</tbody></table>\(more)"
        )
    }

    private static func image(
        _ call: RegistryCall, _ repository: RepositoryName, _ reference: ManifestReference
    ) async throws -> HTML {
        let store = call.store
        return try await Blocking.run {
            guard let digest = try store.digest(repository, reference),
                let document = try Self.document(store, repository, digest)
            else { throw Refusal.manifestUnknown(reference.text) }
            var rows: [HTML] = document.layers.enumerated().map { number, layer in
                "<tr><td class=\"n\">\(number + 1)</td><td class=\"n\">\(text(layer.size))</td><td>\(layer.mediaType)</td><td><code>\(layer.digest)</code></td></tr>\n"
            }
            rows += document.children.map { child in
                let platform = child.platform.map { "\($0.os)/\($0.architecture)" } ?? ""
                return """
                    <tr><td>\(platform)</td><td class="n">\(text(child.size))</td><td>\(child.mediaType)</td><td>\
                    <a href="/?repository=\(query: repository.text)&amp;reference=\(query: child.digest.description)">\
                    <code>\(child.digest)</code></a></td></tr>

                    """
            }
            let config: HTML =
                document.config.map { "<p>Configuration <code>\($0.digest)</code>, \(text($0.size))</p>" } ?? ""
            let subject: HTML = document.subject.map { "<p>Refers to <code>\($0)</code></p>" } ?? ""
            return page(
                "\(repository):\(reference.text)",
                """
                <p><code>\(digest)</code></p><p>\(document.mediaType)</p>\(config)\(subject)
                <table><thead><tr><th>\(document.children.isEmpty ? "Layer" : "Platform")</th><th>Size</th><th>Type</th><th>Digest</th></tr></thead><tbody>\(rows)</tbody></table>
                """)
        }
    }

    private static func document(
        _ store: RegistryStore, _ repository: RepositoryName, _ digest: Digest
    ) throws -> ManifestDocument? {
        try store.manifest(repository, digest).flatMap { try? ManifestDocument(parsing: $0, contentType: nil) }
    }

    /// Of an index: what its images weigh together.
    private static func size(_ store: RegistryStore, _ repository: RepositoryName, _ document: ManifestDocument)
        -> String
    {
        guard !document.children.isEmpty else { return text(document.totalSize) }
        let sizes = document.children.prefix(32).compactMap { child in
            (try? Self.document(store, repository, child.digest))?.totalSize
        }
        return text(sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue })
    }

    private static func text(_ bytes: Int64) -> String {
        var number = Double(bytes)
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if number < 1000 || unit == "TB" {
                let rounded = (number * 10).rounded() / 10
                return unit == "B" ? "\(bytes) B" : "\(rounded) \(unit)"
            }
            number /= 1000
        }
        return "\(bytes) B"
    }

    private static func slice<T>(_ all: [T], _ call: RegistryCall, _ name: (T) -> String) -> ([T], String?) {
        var rest = all[...]
        if let last = call.request.query("last") {
            rest = rest.drop { !last.utf8.lexicographicallyPrecedes(name($0).utf8) }
        }
        let shown = Array(rest.prefix(perPage))
        return (shown, rest.count > shown.count ? shown.last.map(name) : nil)
    }

    private static let style = """
        :root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
        body { margin: 0; } header, main { padding: .8rem 1.5rem; max-width: 75rem; margin: auto; }
        header a { font-weight: 600; text-decoration: none; color: inherit; }
        h1 { font-size: 1.4rem; overflow-wrap: anywhere; } table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
        td.n { white-space: nowrap; } code { overflow-wrap: anywhere; font-size: .85em; }

        """
}
