// SPDX-License-Identifier: Apache-2.0
// Processes started in a running container.

/// Body of `POST /containers/{id}/exec`.
package struct ExecCreateRequest: Codable, Sendable, Equatable {
    @Wire package var user: String = ""
    @Wire package var privileged: Bool = false
    @Wire package var tty: Bool = false
    package var consoleSize: [Int]?
    @Wire package var attachStdin: Bool = false
    @Wire package var attachStdout: Bool = false
    @Wire package var attachStderr: Bool = false
    @Wire package var detach: Bool = false
    @Wire package var detachKeys: String = ""
    @Nullable package var env: [String]?
    @Wire package var workingDir: String = ""
    @NullableStrings package var cmd: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case user = "User", privileged = "Privileged", tty = "Tty", consoleSize = "ConsoleSize"
        case attachStdin = "AttachStdin", attachStdout = "AttachStdout", attachStderr = "AttachStderr"
        case detach = "Detach", detachKeys = "DetachKeys", env = "Env", workingDir = "WorkingDir", cmd = "Cmd"
    }
}

/// Body of `POST /exec/{id}/start`.
package struct ExecStartRequest: Codable, Sendable, Equatable {
    @Wire package var detach: Bool = false
    @Wire package var tty: Bool = false
    package var consoleSize: [Int]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case detach = "Detach", tty = "Tty", consoleSize = "ConsoleSize"
    }
}

/// Answer of `GET /exec/{id}/json`.
package struct ExecInspect: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var running: Bool = false
    @Nullable package var exitCode: Int?
    @Wire package var processConfig: ExecProcessConfig = ExecProcessConfig()
    @Wire package var openStdin: Bool = false
    @Wire package var openStderr: Bool = false
    @Wire package var openStdout: Bool = false
    @Wire package var canRemove: Bool = false
    @Wire package var containerID: String = ""
    @Wire package var detachKeys: String = ""
    @Wire package var pid: Int = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "ID", running = "Running", exitCode = "ExitCode", processConfig = "ProcessConfig"
        case openStdin = "OpenStdin", openStderr = "OpenStderr", openStdout = "OpenStdout", canRemove = "CanRemove"
        case containerID = "ContainerID", detachKeys = "DetachKeys", pid = "Pid"
    }
}

/// The process of an exec.
package struct ExecProcessConfig: Codable, Sendable, Equatable {
    @Wire package var tty: Bool = false
    @Wire package var entrypoint: String = ""
    @Wire package var arguments: [String] = []
    package var privileged: Bool?
    package var user: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case tty, entrypoint, arguments, privileged, user
    }
}

/// An answer that is only an identifier.
package struct IDResponse: Codable, Sendable, Equatable {
    @Wire package var id: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
    }
}
