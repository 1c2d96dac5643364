// SPDX-License-Identifier: Apache-2.0
// What runs in a container: the part of its configuration that an image can give defaults for.

/// The portable configuration of a container, and of the containers made from an image.
package struct ContainerConfig: Codable, Sendable, Equatable {
    @Wire package var hostname: String = ""
    @Wire package var domainname: String = ""
    @Wire package var user: String = ""
    @Wire package var attachStdin: Bool = false
    @Wire package var attachStdout: Bool = false
    @Wire package var attachStderr: Bool = false
    /// Keys are `80/tcp`.
    package var exposedPorts: [String: EmptyObject]?
    @Wire package var tty: Bool = false
    @Wire package var openStdin: Bool = false
    /// Close the container's stdin when the first attached client leaves.
    @Wire package var stdinOnce: Bool = false
    /// `KEY=value`; in a request a bare `KEY` removes the image's variable.
    @Nullable package var env: [String]?
    @NullableStrings package var cmd: [String]?
    package var healthcheck: HealthConfig?
    package var argsEscaped: Bool?
    @Wire package var image: String = ""
    @Nullable package var volumes: [String: EmptyObject]?
    @Wire package var workingDir: String = ""
    @NullableStrings package var entrypoint: [String]?
    package var networkDisabled: Bool?
    package var macAddress: String?
    @Nullable package var onBuild: [String]?
    @Nullable package var labels: [String: String]?
    package var stopSignal: String?
    package var stopTimeout: Int?
    package var shell: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case hostname = "Hostname", domainname = "Domainname", user = "User", attachStdin = "AttachStdin"
        case attachStdout = "AttachStdout", attachStderr = "AttachStderr", exposedPorts = "ExposedPorts"
        case tty = "Tty", openStdin = "OpenStdin", stdinOnce = "StdinOnce", env = "Env", cmd = "Cmd"
        case healthcheck = "Healthcheck", argsEscaped = "ArgsEscaped", image = "Image", volumes = "Volumes"
        case workingDir = "WorkingDir", entrypoint = "Entrypoint", networkDisabled = "NetworkDisabled"
        case macAddress = "MacAddress", onBuild = "OnBuild", labels = "Labels", stopSignal = "StopSignal"
        case stopTimeout = "StopTimeout", shell = "Shell"
    }
}

/// How to find out whether a container is healthy; durations are nanoseconds.
package struct HealthConfig: Codable, Sendable, Equatable {
    /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", line]`; empty inherits the image's.
    package var test: [String]?
    package var interval: Int64?
    package var timeout: Int64?
    package var startPeriod: Int64?
    package var startInterval: Int64?
    package var retries: Int?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case test = "Test", interval = "Interval", timeout = "Timeout", startPeriod = "StartPeriod"
        case startInterval = "StartInterval", retries = "Retries"
    }
}
