// SPDX-License-Identifier: Apache-2.0
// Version numbers of the daemon.

/// Answer of `GET /version`.
package struct SystemVersion: Codable, Sendable, Equatable {
    @Wire package var platform: VersionPlatform = VersionPlatform()
    @Wire package var components: [VersionComponent] = []
    @Wire package var version: String = ""
    @Wire package var apiVersion: String = ""
    @Wire package var minAPIVersion: String = ""
    @Wire package var gitCommit: String = ""
    /// The field's name is the API's; the value names the Swift that built apus.
    @Wire package var goVersion: String = ""
    @Wire package var os: String = ""
    @Wire package var arch: String = ""
    @Wire package var kernelVersion: String = ""
    package var experimental: Bool?
    @Wire package var buildTime: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case platform = "Platform", components = "Components", version = "Version", apiVersion = "ApiVersion"
        case minAPIVersion = "MinAPIVersion", gitCommit = "GitCommit", goVersion = "GoVersion", os = "Os"
        case arch = "Arch", kernelVersion = "KernelVersion", experimental = "Experimental", buildTime = "BuildTime"
    }
}

/// The product the daemon is.
package struct VersionPlatform: Codable, Sendable, Equatable {
    @Wire package var name: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name"
    }
}

/// One part of the daemon.
package struct VersionComponent: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var version: String = ""
    package var details: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", version = "Version", details = "Details"
    }
}

/// The body of every failed request.
package struct ErrorResponse: Codable, Sendable, Equatable {
    @Wire package var message: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case message
    }
}
