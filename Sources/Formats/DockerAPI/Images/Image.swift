// SPDX-License-Identifier: Apache-2.0
// Images as lists and inspections show them.

/// An element of `GET /images/json`.
package struct ImageSummary: Codable, Sendable, Equatable {
    @Wire package var containers: Int = 0
    @Wire package var created: Int64 = 0
    @Wire package var id: String = ""
    @Nullable package var labels: [String: String]?
    @Wire package var parentId: String = ""
    @Wire package var repoDigests: [String] = []
    @Wire package var repoTags: [String] = []
    @Wire package var sharedSize: Int64 = 0
    @Wire package var size: Int64 = 0
    package var virtualSize: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case containers = "Containers", created = "Created", id = "Id", labels = "Labels", parentId = "ParentId"
        case repoDigests = "RepoDigests", repoTags = "RepoTags", sharedSize = "SharedSize", size = "Size"
        case virtualSize = "VirtualSize"
    }
}

/// Answer of `GET /images/{name}/json`.
package struct ImageInspect: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var repoTags: [String] = []
    @Wire package var repoDigests: [String] = []
    @Wire package var parent: String = ""
    @Wire package var comment: String = ""
    package var created: String?
    @Wire package var dockerVersion: String = ""
    @Wire package var author: String = ""
    package var config: ImageConfigView?
    @Wire package var architecture: String = ""
    package var variant: String?
    @Wire package var os: String = ""
    package var osVersion: String?
    @Wire package var size: Int64 = 0
    package var virtualSize: Int64?
    @Wire package var graphDriver: GraphDriverData = GraphDriverData()
    @Wire package var rootFS: RootFSView = RootFSView()
    @Wire package var metadata: ImageMetadata = ImageMetadata()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", repoTags = "RepoTags", repoDigests = "RepoDigests", parent = "Parent", comment = "Comment"
        case created = "Created", dockerVersion = "DockerVersion", author = "Author", config = "Config"
        case architecture = "Architecture", variant = "Variant", os = "Os", osVersion = "OsVersion", size = "Size"
        case virtualSize = "VirtualSize", graphDriver = "GraphDriver", rootFS = "RootFS", metadata = "Metadata"
    }
}

/// The defaults an image gives its containers.
package struct ImageConfigView: Codable, Sendable, Equatable {
    @Wire package var hostname: String = ""
    @Wire package var domainname: String = ""
    @Wire package var user: String = ""
    @Wire package var attachStdin: Bool = false
    @Wire package var attachStdout: Bool = false
    @Wire package var attachStderr: Bool = false
    package var exposedPorts: [String: EmptyObject]?
    @Wire package var tty: Bool = false
    @Wire package var openStdin: Bool = false
    @Wire package var stdinOnce: Bool = false
    @Nullable package var env: [String]?
    @NullableStrings package var cmd: [String]?
    package var healthcheck: HealthConfig?
    package var argsEscaped: Bool?
    @Wire package var image: String = ""
    @Nullable package var volumes: [String: EmptyObject]?
    @Wire package var workingDir: String = ""
    @NullableStrings package var entrypoint: [String]?
    @Nullable package var onBuild: [String]?
    @Nullable package var labels: [String: String]?
    package var stopSignal: String?
    package var shell: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case hostname = "Hostname", domainname = "Domainname", user = "User", attachStdin = "AttachStdin"
        case attachStdout = "AttachStdout", attachStderr = "AttachStderr", exposedPorts = "ExposedPorts"
        case tty = "Tty", openStdin = "OpenStdin", stdinOnce = "StdinOnce", env = "Env", cmd = "Cmd"
        case healthcheck = "Healthcheck", argsEscaped = "ArgsEscaped", image = "Image", volumes = "Volumes"
        case workingDir = "WorkingDir", entrypoint = "Entrypoint", onBuild = "OnBuild", labels = "Labels"
        case stopSignal = "StopSignal", shell = "Shell"
    }
}

/// The layers of an image.
package struct RootFSView: Codable, Sendable, Equatable {
    @Wire package var type: String = ""
    package var layers: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case type = "Type", layers = "Layers"
    }
}

/// What this machine remembers about an image.
package struct ImageMetadata: Codable, Sendable, Equatable {
    package var lastTagTime: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case lastTagTime = "LastTagTime"
    }
}

/// An element of `GET /images/{name}/history`.
package struct ImageHistoryItem: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var created: Int64 = 0
    @Wire package var createdBy: String = ""
    @Nullable package var tags: [String]?
    @Wire package var size: Int64 = 0
    @Wire package var comment: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", created = "Created", createdBy = "CreatedBy", tags = "Tags", size = "Size"
        case comment = "Comment"
    }
}

/// An element of the answer of `DELETE /images/{name}`.
package struct ImageDeleteItem: Codable, Sendable, Equatable {
    package var untagged: String?
    package var deleted: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case untagged = "Untagged", deleted = "Deleted"
    }
}

/// Answer of `POST /images/prune`.
package struct ImagePruneResponse: Codable, Sendable, Equatable {
    @Nullable package var imagesDeleted: [ImageDeleteItem]?
    @Wire package var spaceReclaimed: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case imagesDeleted = "ImagesDeleted", spaceReclaimed = "SpaceReclaimed"
    }
}
