// SPDX-License-Identifier: Apache-2.0
// Image names as people write them and as the registry knows them (distribution/reference).
import DockerClient

/// Normalises references: `nginx` is `docker.io/library/nginx:latest`.
enum ImageName {
    struct Parts {
        var domain: String
        var path: String
        var tag: String?
        var digest: String?

        var name: String { "\(domain)/\(path)" }

        /// `nginx`, `127.0.0.1:5000/nginx`: without the default domain and `library/`.
        var familiarName: String {
            if domain != "docker.io" { return name }
            return path.hasPrefix("library/") ? String(path.dropFirst(8)) : path
        }
    }

    static func parse(_ text: String) throws -> Parts {
        if text.utf8.count == 64, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
            throw CommandError(
                "invalid repository name (\(text)), cannot specify 64-byte hexadecimal strings")
        }
        var rest = text
        var parts = Parts(domain: "docker.io", path: "")
        if let (name, digest) = Text.cut(rest, "@") {
            guard let (algorithm, hex) = Text.cut(digest, ":"), !algorithm.isEmpty, hex.utf8.count >= 32 else {
                throw CommandError("invalid reference format")
            }
            parts.digest = digest
            rest = name
        }
        let remote =
            (Text.cut(rest, "/")?.after).map { path in
                rest.prefix { $0 != "/" }.contains { $0 == "." || $0 == ":" } ? path : rest
            } ?? rest
        let lettered = String(remote.prefix { $0 != ":" })
        if lettered.lowercased() != lettered {
            let shown = rest.contains("/") ? lettered : "library/" + lettered
            throw CommandError("invalid reference format: repository name (\(shown)) must be lowercase")
        }
        let slash = rest.lastIndex(of: "/")
        if let colon = rest.lastIndex(of: ":"), slash.map({ colon > $0 }) ?? true {
            let tag = String(rest[rest.index(after: colon)...])
            guard isTag(tag) else { throw CommandError("invalid reference format") }
            parts.tag = tag
            rest = String(rest[..<colon])
        }
        if let (first, path) = Text.cut(rest, "/"),
            first.contains(".") || first.contains(":") || first == "localhost" || first.lowercased() != first
        {
            parts.domain = first == "index.docker.io" ? "docker.io" : first
            parts.path = path
        } else {
            parts.path = rest
        }
        if parts.domain == "docker.io", !parts.path.contains("/") { parts.path = "library/" + parts.path }
        if parts.path.lowercased() != parts.path {
            throw CommandError("invalid reference format: repository name (\(parts.path)) must be lowercase")
        }
        let components = Text.split(parts.path, "/")
        guard !text.isEmpty, components.allSatisfy(isComponent) else { throw CommandError("invalid reference format") }
        return parts
    }

    /// The full reference with its tag: what is pulled.
    static func normalised(_ text: String) throws -> String {
        if text.hasPrefix("sha256:") || isIdentifier(text) { return text }
        let parts = try parse(text)
        let digest = parts.digest.map { "@" + $0 } ?? ""
        let tag = parts.tag.map { ":" + $0 } ?? (digest.isEmpty ? ":latest" : "")
        return parts.name + tag + digest
    }

    /// `docker.io/library/nginx:latest` → `nginx:latest`.
    static func familiar(_ reference: String) -> String {
        guard let parts = try? parse(reference) else { return reference }
        return parts.familiarName + (parts.tag.map { ":" + $0 } ?? "") + (parts.digest.map { "@" + $0 } ?? "")
    }

    private static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128, first != 45, first != 46 else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || (65...90).contains($0) || [45, 46, 95].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }

    private static func isComponent(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, isAlphanumeric(first), isAlphanumeric(last) else {
            return false
        }
        return text.utf8.allSatisfy { isAlphanumeric($0) || [45, 46, 95].contains($0) } && !Text.contains(text, "..")
    }
}
