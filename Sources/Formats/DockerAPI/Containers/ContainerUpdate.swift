// SPDX-License-Identifier: Apache-2.0
// `POST /containers/{id}/update`: limits of a container that exists.

/// The limits and the restart policy to change. A zero, empty or missing value leaves what there is.
package struct ContainerUpdateRequest: Decodable, Sendable {
    package var limits: HostConfig
    package var restartPolicy: RestartPolicySpec?

    package init(from decoder: any Decoder) throws {
        // The fields stand beside each other, as they do in a host configuration.
        limits = try HostConfig(from: decoder)
        restartPolicy = limits.restartPolicy.name.isEmpty ? nil : limits.restartPolicy
    }
}
