// SPDX-License-Identifier: Apache-2.0
// What `GET /system/df` answers.

/// Disk space of images, containers, volumes and build cache.
package struct DiskUsage: Codable, Sendable, Equatable {
    @Wire package var layersSize: Int64 = 0
    @Wire package var images: [ImageSummary] = []
    @Wire package var containers: [ContainerSummary] = []
    @Wire package var volumes: [Volume] = []
    @Wire package var buildCache: [BuildCacheRecord] = []
    package var builderSize: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case layersSize = "LayersSize", images = "Images", containers = "Containers", volumes = "Volumes"
        case buildCache = "BuildCache", builderSize = "BuilderSize"
    }
}

/// A record of the build cache.
package struct BuildCacheRecord: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var type: String = ""
    @Wire package var description: String = ""
    @Wire package var inUse: Bool = false
    @Wire package var shared: Bool = false
    @Wire package var size: Int64 = 0
    @Wire package var createdAt: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "ID", type = "Type", description = "Description", inUse = "InUse", shared = "Shared"
        case size = "Size", createdAt = "CreatedAt"
    }
}
