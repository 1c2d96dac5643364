// SPDX-License-Identifier: Apache-2.0
// Names of images as people type them, and what they stand for.
package import Primitives

/// `[host[:port]/]path[:tag][@digest]`. What is typed short is completed as Docker does: `nginx` is `docker.io/library/nginx`.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// `docker.io`, `127.0.0.1:5000` …
    package let domain: String
    /// `library/nginx`
    package let path: String
    package var tag: String?
    package var digest: Digest?

    package init(domain: String, path: String, tag: String? = nil, digest: Digest? = nil) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Parses and completes a name; a missing tag stays missing.
    package init(parsing text: String) throws(EngineError) {
        let invalid = EngineError.invalidArgument("invalid reference format")
        guard !text.isEmpty, text.utf8.count <= 1024 else { throw invalid }
        var rest = Substring(text)
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            do { digest = try Digest(parsing: String(rest[rest.index(after: at)...])) } catch { throw invalid }
            rest = rest[..<at]
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            guard let tag, Self.isTag(tag) else { throw invalid }
        }
        var domain = "docker.io"
        var path = String(rest)
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first.contains(".") || first.contains(":") || first == "localhost"
                || first.contains(where: \.isUppercase)
            {
                domain = String(first)
                path = String(rest[rest.index(after: slash)...])
            }
        }
        if domain == "index.docker.io" { domain = "docker.io" }
        if domain == "docker.io", !path.contains("/") { path = "library/" + path }
        if path.contains(where: \.isUppercase) {
            throw .invalidArgument("invalid reference format: repository name (\(path)) must be lowercase")
        }
        guard Self.isDomain(domain), Self.isPath(path), path.utf8.count <= 255 else { throw invalid }
        // 64 digits alone would be taken for an image id.
        if digest == nil, tag == nil, text.utf8.count == 64, text.utf8.allSatisfy(Self.isHexDigit) {
            throw .invalidArgument("invalid repository name (\(text)), cannot specify 64-byte hexadecimal strings")
        }
        self.init(domain: domain, path: path, tag: tag, digest: digest)
    }

    /// With `latest` where neither tag nor digest is given.
    package var tagged: ImageReference {
        tag == nil && digest == nil ? ImageReference(domain: domain, path: path, tag: "latest") : self
    }

    package func with(tag: String) -> ImageReference { ImageReference(domain: domain, path: path, tag: tag) }

    /// `docker.io/library/nginx`
    package var repository: String { "\(domain)/\(path)" }

    /// What tables show: `nginx`, `127.0.0.1:5000/nginx`.
    package var familiarName: String {
        guard domain == "docker.io" else { return repository }
        return path.hasPrefix("library/") ? String(path.dropFirst("library/".count)) : path
    }

    /// `nginx:latest`, `nginx@sha256:…`
    package var familiar: String {
        var text = familiarName
        if let tag { text += ":" + tag }
        if let digest { text += "@" + digest.description }
        return text
    }

    /// `docker.io/library/nginx:latest`
    package var description: String {
        var text = repository
        if let tag { text += ":" + tag }
        if let digest { text += "@" + digest.description }
        return text
    }

    /// `[\w][\w.-]{0,127}`
    package static func isTag(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 128, isWord(first) else { return false }
        return bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isDomain(_ text: String) -> Bool {
        var host = Substring(text)
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            let port = host[host.index(after: colon)...]
            guard !port.isEmpty, port.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
            host = host[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.dropFirst().dropLast().utf8.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") }
        }
        return !host.isEmpty
            && host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty && !part.hasPrefix("-") && !part.hasSuffix("-")
                    && part.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
            }
    }

    /// Components of lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
    package static func isPath(_ text: String) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
            let bytes = Array(component.utf8)
            guard let first = bytes.first, let last = bytes.last, isLowerOrDigit(first), isLowerOrDigit(last) else {
                return false
            }
            var index = 0
            while index < bytes.count {
                if isLowerOrDigit(bytes[index]) {
                    index += 1
                    continue
                }
                let start = index
                while index < bytes.count, !isLowerOrDigit(bytes[index]) { index += 1 }
                let separator = bytes[start..<index]
                let isAllowed =
                    separator.elementsEqual(".".utf8) || separator.elementsEqual("_".utf8)
                    || separator.elementsEqual("__".utf8) || separator.allSatisfy { $0 == UInt8(ascii: "-") }
                if !isAllowed { return false }
            }
            return true
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }
    private static func isLowerOrDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { isLowerOrDigit(byte) || (65...90).contains(byte) }
    private static func isWord(_ byte: UInt8) -> Bool { isLetterOrDigit(byte) || byte == UInt8(ascii: "_") }
}
