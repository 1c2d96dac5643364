// SPDX-License-Identifier: Apache-2.0
// All a container needs before it is cloned: its spec, its root file system, its descriptors.
package import JSON
import Linux
import OCI

/// Where the root file system comes from.
package enum RootSource: Sendable, Equatable {
    /// The spec's root path as it is.
    case specified
    case bind(source: String, readonly: Bool)
    /// Layers top first; without `upper` the overlay is read-only.
    case overlay(layers: [String], upper: String?, work: String?, options: [String], readonly: Bool)

    /// From `rootfs` of shim.json.
    package init(json: JSONValue?) throws {
        guard let json, !json.isNull else {
            self = .specified
            return
        }
        let readonly = json["readonly"]?.bool ?? false
        switch json["type"]?.string {
        case "bind":
            guard let source = json["source"]?.string else { throw RuntimeError(.invalid, "rootfs.source is missing") }
            self = .bind(source: source, readonly: readonly)
        case "overlay":
            if let layers = json["layers"]?.strings, !layers.isEmpty {
                self = .overlay(
                    layers: layers, upper: json["upper"]?.string, work: json["work"]?.string,
                    options: json["extraOptions"]?.strings ?? [], readonly: readonly)
            } else {
                self = try Self.overlay(options: json["options"]?.string ?? "", readonly: readonly)
            }
        case let type:
            throw RuntimeError(.invalid, "unknown rootfs type \(type ?? "null")")
        }
    }

    /// The classic option string of mount(8): `lowerdir=a:b,upperdir=…,workdir=…`.
    private static func overlay(options: String, readonly: Bool) throws -> RootSource {
        var layers: [String] = []
        var upper: String?
        var work: String?
        var others: [String] = []
        for option in options.split(separator: ",") {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            switch (parts.first, parts.count) {
            case ("lowerdir", 2): layers = parts[1].split(separator: ":").map(String.init)
            case ("upperdir", 2): upper = parts[1]
            case ("workdir", 2): work = parts[1]
            default: others.append(String(option))
            }
        }
        guard !layers.isEmpty else { throw RuntimeError(.invalid, "an overlay rootfs needs lowerdir") }
        return .overlay(layers: layers, upper: upper, work: work, options: others, readonly: readonly)
    }
}

/// How a container is made; the same for the shim and the command line.
struct ContainerPlan {
    var id: String
    var bundle: String
    var spec: RuntimeSpec
    var process: RuntimeSpec.Process
    var linux: RuntimeSpec.Linux
    var rootSource: RootSource = .specified
    /// Our own init as pid 1.
    var usesInit = false
    /// The container dies with the process that made it.
    var diesWithParent = true
    var seccomp: SeccompProgram?
    /// Nil when the spec names no control group: the container stays in ours.
    var cgroup: ControlGroup?
    /// The root file system, when the parent had to make it (`MappedRoot`).
    var preparedRoot: Int32?

    /// Who hears of the system calls a filter asks about.
    var listener: SeccompListener?
    /// How many descriptors from 3 on the program gets.
    var extraDescriptors: Int32 = 0
    /// The container gets a session keyring of its own.
    var hasKeyring = true
    /// Changes the root by moving the mount, for hosts whose root is a ramdisk.
    var noPivot = false
    /// Detached trees for entries of `spec.mounts`, opened by the runtime before the clone: index → descriptor.
    var preparedMounts: [Int: Int32] = [:]
    /// Namespaces to join, opened by the runtime before the clone.
    var joined: [(kind: RuntimeSpec.Namespace.Kind, fd: Int32)] = []

    init(id: String, bundle: String, spec: RuntimeSpec) throws {
        self.id = id
        self.bundle = bundle
        self.spec = spec
        guard let process = spec.process, !process.args.isEmpty else {
            throw RuntimeError(.invalid, "process.args must not be empty")
        }
        guard !process.cwd.isEmpty else { throw RuntimeError(.invalid, "Cwd property must not be empty") }
        guard process.cwd.hasPrefix("/") else { throw RuntimeError(.invalid, "Cwd must be an absolute path") }
        guard spec.root != nil else { throw RuntimeError(.invalid, "root is missing") }
        self.process = process
        linux = spec.linux ?? RuntimeSpec.Linux()
        try validate()
    }

    /// Absolute path of the folder the root file system is attached on.
    var rootPath: String {
        let path = spec.root?.path ?? ""
        return path.hasPrefix("/") ? path : bundle + "/" + path
    }

    /// Whether the tree is the container's own; else its mounts are seen by the host.
    var hasMountNamespace: Bool { linux.namespace(.mount) != nil }

    /// Namespaces to make; those with a path are joined instead.
    var newNamespaces: NamespaceFlags {
        var flags: NamespaceFlags = []
        for namespace in linux.namespaces where namespace.path == nil { flags.insert(namespace.kind.flag) }
        return flags
    }
}

extension RuntimeSpec.Namespace.Kind {
    var flag: NamespaceFlags {
        switch self {
        case .pid: .pid
        case .network: .network
        case .mount: .mount
        case .ipc: .ipc
        case .uts: .uts
        case .user: .user
        case .cgroup: .cgroup
        case .time: .time
        }
    }
}
