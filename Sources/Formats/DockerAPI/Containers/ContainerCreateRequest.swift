// SPDX-License-Identifier: Apache-2.0
// The body of `POST /containers/create`: a ContainerConfig with two more keys in the same object.

/// What a client asks for when it creates a container.
package struct ContainerCreateRequest: Codable, Sendable, Equatable {
    package var config = ContainerConfig()
    package var hostConfig: HostConfig?
    package var networkingConfig: NetworkingConfig?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case hostConfig = "HostConfig", networkingConfig = "NetworkingConfig"
    }

    package init(from decoder: any Decoder) throws {
        config = try ContainerConfig(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        hostConfig = try container.decodeIfPresent(HostConfig.self, forKey: .hostConfig)
        networkingConfig = try container.decodeIfPresent(NetworkingConfig.self, forKey: .networkingConfig)
    }

    package func encode(to encoder: any Encoder) throws {
        try config.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(hostConfig, forKey: .hostConfig)
        try container.encodeIfPresent(networkingConfig, forKey: .networkingConfig)
    }
}
