// SPDX-License-Identifier: Apache-2.0
// Bodies of requests about containers.

/// The networks a container is created on.
package struct NetworkingConfig: Codable, Sendable, Equatable {
    @Nullable package var endpointsConfig: [String: EndpointSettings?]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case endpointsConfig = "EndpointsConfig"
    }
}

/// Answer of `POST /containers/create`.
package struct ContainerCreateResponse: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var warnings: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", warnings = "Warnings"
    }
}

/// Answer of `POST /containers/{id}/wait`.
package struct ContainerWaitResponse: Codable, Sendable, Equatable {
    @Wire package var statusCode: Int = 0
    package var error: WaitError?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case statusCode = "StatusCode", error = "Error"
    }
}

/// Why a wait ended without an ordinary exit.
package struct WaitError: Codable, Sendable, Equatable {
    @Wire package var message: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case message = "Message"
    }
}

/// Answer of `GET /containers/{id}/top`.
package struct ContainerTopResponse: Codable, Sendable, Equatable {
    @Wire package var titles: [String] = []
    @Wire package var processes: [[String]] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case titles = "Titles", processes = "Processes"
    }
}

/// Answer of `POST /containers/prune`.
package struct ContainerPruneResponse: Codable, Sendable, Equatable {
    @Nullable package var containersDeleted: [String]?
    @Wire package var spaceReclaimed: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case containersDeleted = "ContainersDeleted", spaceReclaimed = "SpaceReclaimed"
    }
}

/// Answer of `POST /containers/{id}/update`.
package struct ContainerUpdateResponse: Codable, Sendable, Equatable {
    @Nullable package var warnings: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case warnings = "Warnings"
    }
}
