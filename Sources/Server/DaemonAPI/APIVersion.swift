// SPDX-License-Identifier: Apache-2.0
// The version of the Engine API that a request speaks.
import Engine
import Primitives

/// `v1.43` in front of a path. A request without one speaks the latest.
struct APIVersion: Comparable, CustomStringConvertible, Sendable {
    let major: Int
    let minor: Int

    static let latest = APIVersion("v" + Build.apiVersion) ?? APIVersion(1, 51)
    static let oldest = APIVersion("v" + Build.minimumAPIVersion) ?? APIVersion(1, 24)

    init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

    /// Nil for a segment that is no version, such as `version`.
    init?(_ segment: String) {
        guard segment.hasPrefix("v") else { return nil }
        let parts = segment.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
        self.init(major, minor)
    }

    var description: String { "\(major).\(minor)" }

    static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// Refuses what this daemon does not speak, in Docker's words: clients look for them to negotiate.
    func check() throws(EngineError) {
        if self < .oldest {
            throw .invalidArgument(
                "client version \(self) is too old. Minimum supported API version is \(APIVersion.oldest), "
                    + "please upgrade your client to a newer version")
        }
        if self > .latest {
            throw .invalidArgument(
                "client version \(self) is too new. Maximum supported API version is \(APIVersion.latest)")
        }
    }
}
