// SPDX-License-Identifier: Apache-2.0
// The messages about containers that users and their programs see; the texts are part of the compatible API.
import Primitives

/// Errors of container requests.
enum ContainerErrors {
    static let privilegedWithUsers = EngineError.invalidArgument(
        "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when "
            + "running privileged mode")
    static let hostNetworkWithUsers = EngineError.invalidArgument(
        "cannot share the host's network namespace when user namespaces are enabled")
    static let hostProcessesWithUsers = EngineError.invalidArgument(
        "cannot share the host PID namespace when user namespaces are enabled")

    static func sharesWithHostUsers(_ id: String) -> EngineError {
        .invalidArgument(
            "cannot share namespaces of container \(id), which has the host's users: use --userns=host here, too")
    }

    static func notFound(_ reference: String) -> EngineError { .notFound("No such container: \(reference)") }

    static func ambiguous(_ prefix: String) -> EngineError {
        .invalidArgument("multiple IDs found with provided prefix: \(prefix)")
    }

    static func nameTaken(_ name: String, by id: String) -> EngineError {
        .conflict(
            "Conflict. The container name \"/\(name)\" is already in use by container \"\(id)\". "
                + "You have to remove (or rename) that container to be able to reuse that name.")
    }

    static func invalidName(_ name: String) -> EngineError {
        .invalidArgument("Invalid container name (\(name)), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    }

    static func notRunning(_ id: String) -> EngineError { .conflict("Container \(id) is not running") }

    static func cannotKill(_ reference: String, _ id: String) -> EngineError {
        .conflict("Cannot kill container: \(reference): Container \(id) is not running")
    }

    static func paused(_ id: String) -> EngineError {
        .conflict("Container \(id) is paused. Unpause the container before stopping or killing")
    }

    static func removeRunning(_ id: String) -> EngineError {
        .conflict(
            "You cannot remove a running container \(id). "
                + "Stop the container before attempting removal or force remove")
    }

    static func removeRestarting(_ id: String) -> EngineError {
        .conflict(
            "You cannot remove a restarting container \(id). "
                + "Stop the container before attempting removal or force remove")
    }

    static func removePaused(_ id: String) -> EngineError {
        .conflict(
            "You cannot remove a paused container \(id). "
                + "Unpause and then stop the container before attempting removal or force remove")
    }

    static func beingRemoved(_ id: String) -> EngineError {
        .conflict("removal of container \(id) is already in progress")
    }

    static func alreadyStarted(_ id: String) -> EngineError { .notModified("container \(id) is already started") }
    static func alreadyStopped(_ id: String) -> EngineError { .notModified("container \(id) is already stopped") }
}
