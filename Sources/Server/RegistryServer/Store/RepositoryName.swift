// SPDX-License-Identifier: Apache-2.0
// Names of repositories and references, checked before they come near a path.
import OCI
import Primitives

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/…)*`, at most 255 bytes (distribution-spec, "Pulling manifests").
struct RepositoryName: Sendable, Hashable, Comparable, CustomStringConvertible {
    let text: String

    init?(_ text: String) {
        guard text.utf8.count <= 255, ImageReference.isPath(text) else { return nil }
        self.text = text
    }

    var description: String { text }

    static func < (left: RepositoryName, right: RepositoryName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    /// No component of a name starts with an underscore, so that these can lie between them.
    var folder: String { "repositories/" + text }
    var tags: String { folder + "/_tags" }
    func tag(_ tag: String) -> String { tags + "/" + tag }
    func blob(_ digest: Digest) -> String { "\(folder)/_blobs/\(digest.algorithm)/\(digest.hex)" }
    func manifest(_ digest: Digest) -> String { "\(folder)/_manifests/\(digest.algorithm)/\(digest.hex)" }
    func referrers(_ subject: Digest) -> String { "\(folder)/_referrers/\(subject.algorithm)-\(subject.hex)" }
    func referrer(_ digest: Digest, of subject: Digest) -> String {
        "\(referrers(subject))/\(digest.algorithm)-\(digest.hex)"
    }
}

/// What stands behind `/manifests/`.
enum ManifestReference: Sendable, Equatable {
    case tag(String)
    case digest(Digest)

    init?(_ text: String) {
        if text.contains(":") {
            guard let digest = try? Digest(parsing: text) else { return nil }
            self = .digest(digest)
        } else {
            guard ImageReference.isTag(text) else { return nil }
            self = .tag(text)
        }
    }
}
