// SPDX-License-Identifier: Apache-2.0
// The structures inside HostConfig.

/// Log driver and its options.
package struct LogConfig: Codable, Sendable, Equatable {
    @Wire package var type: String = ""
    @Nullable package var config: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case type = "Type", config = "Config"
    }
}

/// Where on the host a container port is published; both may be empty.
package struct PortBinding: Codable, Sendable, Equatable {
    @Wire package var hostIp: String = ""
    @Wire package var hostPort: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case hostIp = "HostIp", hostPort = "HostPort"
    }
}

/// When the daemon starts a container again: `no`, `always`, `unless-stopped`, `on-failure`.
package struct RestartPolicySpec: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var maximumRetryCount: Int = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", maximumRetryCount = "MaximumRetryCount"
    }
}

/// Relative block I/O weight of a device.
package struct WeightDevice: Codable, Sendable, Equatable {
    @Wire package var path: String = ""
    @Wire package var weight: Int = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case path = "Path", weight = "Weight"
    }
}

/// A rate limit of a device.
package struct ThrottleDevice: Codable, Sendable, Equatable {
    @Wire package var path: String = ""
    @Wire package var rate: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case path = "Path", rate = "Rate"
    }
}

/// A device of the host inside the container.
package struct DeviceMapping: Codable, Sendable, Equatable {
    @Wire package var pathOnHost: String = ""
    @Wire package var pathInContainer: String = ""
    @Wire package var cgroupPermissions: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case pathOnHost = "PathOnHost", pathInContainer = "PathInContainer", cgroupPermissions = "CgroupPermissions"
    }
}

/// A wish for devices that a device driver fulfils.
package struct DeviceRequest: Codable, Sendable, Equatable {
    @Wire package var driver: String = ""
    @Wire package var count: Int = 0
    @Nullable package var deviceIDs: [String]?
    @Nullable package var capabilities: [[String]]?
    @Nullable package var options: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case driver = "Driver", count = "Count", deviceIDs = "DeviceIDs", capabilities = "Capabilities"
        case options = "Options"
    }
}

/// A resource limit (getrlimit(2)) of the container.
package struct Ulimit: Codable, Sendable, Equatable {
    @Wire package var name: String = ""
    @Wire package var hard: Int64 = 0
    @Wire package var soft: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", hard = "Hard", soft = "Soft"
    }
}

/// A mount as `--mount` describes it.
package struct MountSpec: Codable, Sendable, Equatable {
    /// `bind`, `volume`, `tmpfs`, `npipe`, `cluster`, `image`
    @Wire package var type: String = ""
    package var source: String?
    package var target: String?
    package var readOnly: Bool?
    package var consistency: String?
    package var bindOptions: MountBindOptions?
    package var volumeOptions: MountVolumeOptions?
    package var imageOptions: MountImageOptions?
    package var tmpfsOptions: MountTmpfsOptions?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case type = "Type", source = "Source", target = "Target", readOnly = "ReadOnly", consistency = "Consistency"
        case bindOptions = "BindOptions", volumeOptions = "VolumeOptions", imageOptions = "ImageOptions"
        case tmpfsOptions = "TmpfsOptions"
    }
}

/// Options of a bind mount.
package struct MountBindOptions: Codable, Sendable, Equatable {
    package var propagation: String?
    package var nonRecursive: Bool?
    package var createMountpoint: Bool?
    package var readOnlyNonRecursive: Bool?
    package var readOnlyForceRecursive: Bool?
    /// Owners of the files in the container, beyond Docker: `uids=DISK-CONTAINER-COUNT#…;gids=…`.
    package var idMap: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case propagation = "Propagation", nonRecursive = "NonRecursive", createMountpoint = "CreateMountpoint"
        case readOnlyNonRecursive = "ReadOnlyNonRecursive", readOnlyForceRecursive = "ReadOnlyForceRecursive"
        case idMap = "IDMap"
    }
}

/// Options of a volume mount.
package struct MountVolumeOptions: Codable, Sendable, Equatable {
    package var noCopy: Bool?
    package var labels: [String: String]?
    package var driverConfig: MountDriverConfig?
    package var subpath: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case noCopy = "NoCopy", labels = "Labels", driverConfig = "DriverConfig", subpath = "Subpath"
    }
}

/// The driver that makes a volume which does not exist yet.
package struct MountDriverConfig: Codable, Sendable, Equatable {
    package var name: String?
    package var options: [String: String]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name = "Name", options = "Options"
    }
}

/// Options of an image mount.
package struct MountImageOptions: Codable, Sendable, Equatable {
    package var subpath: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case subpath = "Subpath"
    }
}

/// Options of a tmpfs mount.
package struct MountTmpfsOptions: Codable, Sendable, Equatable {
    package var sizeBytes: Int64?
    package var mode: Int?
    package var options: [[String]]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case sizeBytes = "SizeBytes", mode = "Mode", options = "Options"
    }
}
