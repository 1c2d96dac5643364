// SPDX-License-Identifier: Apache-2.0
// A row of the list of containers.

/// An element of `GET /containers/json`.
package struct ContainerSummary: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var names: [String] = []
    @Wire package var image: String = ""
    @Wire package var imageID: String = ""
    @Wire package var command: String = ""
    @Wire package var created: Int64 = 0
    @Wire package var ports: [PortSummary] = []
    package var sizeRw: Int64?
    package var sizeRootFs: Int64?
    @Wire package var labels: [String: String] = [:]
    @Wire package var state: String = ""
    @Wire package var status: String = ""
    @Wire package var hostConfig: SummaryHostConfig = SummaryHostConfig()
    @Wire package var networkSettings: SummaryNetworkSettings = SummaryNetworkSettings()
    @Wire package var mounts: [MountPoint] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "Id", names = "Names", image = "Image", imageID = "ImageID", command = "Command"
        case created = "Created", ports = "Ports", sizeRw = "SizeRw", sizeRootFs = "SizeRootFs", labels = "Labels"
        case state = "State", status = "Status", hostConfig = "HostConfig", networkSettings = "NetworkSettings"
        case mounts = "Mounts"
    }
}

/// One published or exposed port in a list.
package struct PortSummary: Codable, Sendable, Equatable {
    package var ip: String?
    @Wire package var privatePort: Int = 0
    package var publicPort: Int?
    @Wire package var type: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case ip = "IP", privatePort = "PrivatePort", publicPort = "PublicPort", type = "Type"
    }
}

/// The few host settings a list shows.
package struct SummaryHostConfig: Codable, Sendable, Equatable {
    @Wire package var networkMode: String = ""
    package var annotations: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case networkMode = "NetworkMode", annotations = "Annotations"
    }
}

/// The networks of a container in a list.
package struct SummaryNetworkSettings: Codable, Sendable, Equatable {
    @Wire package var networks: [String: EndpointSettings] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case networks = "Networks"
    }
}
