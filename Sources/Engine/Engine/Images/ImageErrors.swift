// SPDX-License-Identifier: Apache-2.0
// The messages about images that users and their programs see; the texts are part of the compatible API.
import OCI
import Primitives

/// Errors of image requests.
enum ImageErrors {
    /// With `latest` where the user gave neither tag nor digest.
    static func notFound(_ name: String) -> EngineError {
        // A name that is no reference is told as it was typed.
        let shown = name.hasPrefix("sha256:") ? name : (try? ImageReference(parsing: name))?.tagged.familiar ?? name
        return .notFound("No such image: \(shown)")
    }

    static func inUse(_ reference: String, container: String, image: String) -> EngineError {
        .conflict(
            "conflict: unable to remove repository reference \"\(reference)\" (must force) - container "
                + "\(Identifier.short(container)) is using its referenced image \(image)")
    }

    static func runningUser(_ image: String, container: String) -> EngineError {
        .conflict(
            "conflict: unable to delete \(image) (cannot be forced) - image is being used by running container "
                + Identifier.short(container))
    }

    static func stoppedUser(_ image: String, container: String) -> EngineError {
        .conflict(
            "conflict: unable to delete \(image) (must be forced) - image is being used by stopped container "
                + Identifier.short(container))
    }

    static func severalNames(_ image: String) -> EngineError {
        .conflict("conflict: unable to delete \(image) (must be forced) - image is referenced in multiple repositories")
    }
}
