// SPDX-License-Identifier: Apache-2.0
// What the engine wants of a container, in the words of Linux: the input of OCISpecBuilder.

/// A container's configuration with everything resolved: absolute paths, numeric users, bytes.
package struct TaskConfiguration: Sendable, Equatable {
    package var containerID: String
    /// Command and arguments, entrypoint first.
    package var args: [String]
    /// `KEY=value`; PATH, HOSTNAME, TERM and HOME are added when missing.
    package var env: [String] = []
    package var cwd = "/"
    package var user = ResolvedUser()
    package var tty = false
    package var consoleSize: (height: Int, width: Int)? {
        get { consoleHeight.flatMap { height in consoleWidth.map { (height, $0) } } }
        set {
            consoleHeight = newValue?.height
            consoleWidth = newValue?.width
        }
    }
    private var consoleHeight: Int?
    private var consoleWidth: Int?
    package var usesInit = false
    package var hostname = ""
    package var domainname = ""
    /// The root path inside the bundle, an empty folder where the runtime mounts the root file system.
    package var rootPath = "rootfs"
    package var readonlyRoot = false

    package var privileged = false
    /// Names with or without CAP_; ALL is understood.
    package var capAdd: [String] = []
    package var capDrop: [String] = []
    package var seccomp = SeccompChoice.standard
    package var noNewPrivileges = false
    package var apparmorProfile: String?
    package var selinuxLabel: String?
    /// nil: Docker's; empty: none (`systempaths=unconfined`).
    package var maskedPaths: [String]?
    package var readonlyPaths: [String]?

    package var namespaces = TaskNamespaces()
    /// The container's users on the host; nil: the same as the host's.
    package var users: UserMapping?
    /// The user namespace to join (`/proc/PID/ns/user`); nil: its own.
    package var userNamespacePath: String?
    /// Binds, volumes, tmpfs mounts and the network's files; destinations are paths in the container.
    package var mounts: [TaskMount] = []
    /// `--ipc=none`: no /dev/shm.
    package var hasSharedMemory = true
    package var shmSize: Int64 = 67_108_864
    /// The folder to bind at /dev/shm, for an IPC namespace that is not this container's alone; nil: its own tmpfs.
    package var shmPath: String?
    package var rootPropagation: String?

    package var devices: [TaskDevice] = []
    /// Devices as vendors describe them, `vendor.com/class=name`, and the folders they do it in.
    package var cdiDevices: [String] = []
    package var cdiFolders: [String] = []
    /// `c 42:* rmw`
    package var deviceCgroupRules: [String] = []
    package var resources = TaskResources()
    package var ulimits: [TaskUlimit] = []
    package var sysctls: [String: String] = [:]
    package var oomScoreAdj = 0

    /// The parent given by the user; empty: the daemon's.
    package var cgroupParent = ""
    package var annotations: [String: String] = [:]

    package init(containerID: String, args: [String]) {
        self.containerID = containerID
        self.args = args
    }
}

/// Which filter applies to system calls.
package enum SeccompChoice: Sendable, Equatable {
    case standard
    case unconfined
    /// The text of a profile in Docker's format.
    case profile(String)
}

/// A namespace: its own, the host's, or one behind a path (`/proc/PID/ns/…`).
package enum NamespaceChoice: Sendable, Equatable {
    case own
    case host
    case path(String)
}

/// The container's namespaces; its mount namespace is always its own.
package struct TaskNamespaces: Sendable, Equatable {
    package var pid = NamespaceChoice.own
    package var ipc = NamespaceChoice.own
    package var uts = NamespaceChoice.own
    /// `own` also when the driver hands over a descriptor.
    package var network = NamespaceChoice.own
    /// Docker's default: the host's with cgroup v1, its own with v2.
    package var cgroup = NamespaceChoice.host

    package init() {}
}

/// A mount besides the usual ones.
package struct TaskMount: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// A file or folder of the host (a volume's folder, too).
        case bind(String)
        /// `options` as of `--tmpfs`: `size=64m,mode=1777,exec`.
        case tmpfs(options: [String])
    }

    package var source: Source
    package var destination: String
    package var readonly = false
    /// Read-only is the bind alone, not the mounts below it.
    package var keepsWritableBelow = false
    /// Bind without the mounts below.
    package var nonRecursive = false
    /// Files have the owners in the container that they have on disk, whatever users of the host the container's are.
    package var keepsOwners = false
    /// Files have other owners in the container than on disk.
    package var owners: OwnerMap?
    /// `rprivate`, `rshared`, `rslave`, `shared`, `slave`, `private`
    package var propagation = "rprivate"

    package init(_ source: Source, at destination: String, readonly: Bool = false) {
        self.source = source
        self.destination = destination
        self.readonly = readonly
    }
}

/// A device node of the host given to the container.
package struct TaskDevice: Sendable, Equatable {
    package var hostPath: String
    package var containerPath: String
    package var permissions = "rwm"

    package init(hostPath: String, containerPath: String, permissions: String = "rwm") {
        self.hostPath = hostPath
        self.containerPath = containerPath
        self.permissions = permissions
    }
}

/// getrlimit(2): `name` as `nofile`; -1 is unlimited.
package struct TaskUlimit: Sendable, Equatable {
    package var name: String
    package var soft: Int64
    package var hard: Int64

    package init(name: String, soft: Int64, hard: Int64) {
        self.name = name
        self.soft = soft
        self.hard = hard
    }
}

/// Limits; zero or nil is "not set", as in Docker's API.
package struct TaskResources: Sendable, Equatable {
    package var memory: Int64 = 0
    /// Memory and swap together; -1 is unlimited.
    package var memorySwap: Int64 = 0
    package var memoryReservation: Int64 = 0
    package var memorySwappiness: Int64?
    package var oomKillDisable = false
    package var cpuShares: Int64 = 0
    package var cpuQuota: Int64 = 0
    package var cpuPeriod: Int64 = 0
    package var nanoCPUs: Int64 = 0
    package var cpuRealtimePeriod: Int64 = 0
    package var cpuRealtimeRuntime: Int64 = 0
    package var cpusetCPUs = ""
    package var cpusetMems = ""
    /// Zero or less is unlimited.
    package var pidsLimit: Int64?
    package var blkioWeight: Int = 0
    package var blkioWeightDevices: [DeviceWeight] = []
    package var readBps: [DeviceRate] = []
    package var writeBps: [DeviceRate] = []
    package var readIOps: [DeviceRate] = []
    package var writeIOps: [DeviceRate] = []

    package init() {}

    /// Relative weight of a block device, by its path on the host.
    package struct DeviceWeight: Sendable, Equatable {
        package var path: String
        package var weight: Int
        package init(path: String, weight: Int) {
            self.path = path
            self.weight = weight
        }
    }

    /// A limit of a block device, by its path on the host.
    package struct DeviceRate: Sendable, Equatable {
        package var path: String
        package var rate: Int64
        package init(path: String, rate: Int64) {
            self.path = path
            self.rate = rate
        }
    }
}
