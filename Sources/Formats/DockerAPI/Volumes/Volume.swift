// SPDX-License-Identifier: Apache-2.0
// Volumes.

/// A volume as lists and inspections show it.
package struct Volume: Codable, Sendable, Equatable {
    package var createdAt: String?
    @Wire package var driver: String = ""
    @Nullable package var labels: [String: String]?
    @Wire package var mountpoint: String = ""
    @Wire package var name: String = ""
    @Nullable package var options: [String: String]?
    @Wire package var scope: String = ""
    package var usageData: VolumeUsage?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case createdAt = "CreatedAt", driver = "Driver", labels = "Labels", mountpoint = "Mountpoint", name = "Name"
        case options = "Options", scope = "Scope", usageData = "UsageData"
    }
}

/// How much a volume holds and how many containers refer to it.
package struct VolumeUsage: Codable, Sendable, Equatable {
    @Wire package var refCount: Int64 = 0
    @Wire package var size: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case refCount = "RefCount", size = "Size"
    }
}

/// Answer of `GET /volumes`.
package struct VolumeList: Codable, Sendable, Equatable {
    @Wire package var volumes: [Volume] = []
    @Nullable package var warnings: [String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case volumes = "Volumes", warnings = "Warnings"
    }
}

/// Body of `POST /volumes/create`.
package struct VolumeCreateRequest: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var driver: String = ""
    @Nullable package var driverOpts: [String: String]?
    @Nullable package var labels: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", driver = "Driver", driverOpts = "DriverOpts", labels = "Labels"
    }
}

/// Answer of `POST /volumes/prune`.
package struct VolumePruneResponse: Codable, Sendable, Equatable {
    @Nullable package var volumesDeleted: [String]?
    @Wire package var spaceReclaimed: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case volumesDeleted = "VolumesDeleted", spaceReclaimed = "SpaceReclaimed"
    }
}
