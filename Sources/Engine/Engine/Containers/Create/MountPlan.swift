// SPDX-License-Identifier: Apache-2.0
// From `-v`, `--mount`, `--tmpfs` and an image's VOLUME to one list of mounts.
import DockerAPI
import Primitives
import Tasks

/// Collects the mounts of a container to be; every destination once.
struct MountPlan {
    private(set) var mounts: [ContainerMount] = []
    /// Named volumes to make if they are missing: name, labels and driver options.
    private(set) var volumes: [String: MountVolumeOptions] = [:]
    private var destinations: Set<String> = []

    /// Everything the request and the image ask for, in the order in which a later one may not repeat an earlier one.
    static func make(_ hostConfig: HostConfig, declaredVolumes: [String]) throws(EngineError) -> MountPlan {
        var plan = MountPlan()
        for bind in hostConfig.binds ?? [] { try plan.add(bind: bind) }
        for spec in hostConfig.mounts ?? [] { try plan.add(spec: spec) }
        for (path, options) in (hostConfig.tmpfs ?? [:]).sorted(by: { $0.key < $1.key }) {
            try plan.add(tmpfs: path, options: options)
        }
        for path in declaredVolumes.sorted() {
            let destination = Self.clean(path)
            if plan.destinations.contains(destination) { continue }
            try plan.claim(destination)
            plan.mounts.append(.volume(name: Identifier.random(), destination: destination, isAnonymous: true))
        }
        return plan
    }

    private mutating func add(bind text: String) throws(EngineError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), !parts[0].isEmpty else {
            throw .invalidArgument("invalid volume specification: '\(text)'")
        }
        if parts.count == 1 {
            let destination = try absolute(parts[0], in: text, type: "volume")
            try claim(destination)
            mounts.append(.volume(name: Identifier.random(), destination: destination, isAnonymous: true))
            return
        }
        let source = parts[0]
        let isBind = source.hasPrefix("/")
        let destination = try absolute(parts[1], in: text, type: isBind ? "bind" : "volume")
        var mount: ContainerMount
        if isBind {
            mount = .bind(source: Self.clean(source), destination: destination)
            mount.createsSource = true
        } else {
            guard Identifier.isValidName(source) else {
                throw .invalidArgument(
                    "create \(source): \"\(source)\" includes invalid characters for a local volume name, only "
                        + "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
                        + "use absolute path")
            }
            mount = .volume(name: source, destination: destination, isAnonymous: false)
            volumes[source] = volumes[source] ?? MountVolumeOptions()
        }
        let mode = parts.count == 3 ? parts[2] : ""
        for option in mode.split(separator: ",").map(String.init) { try apply(option, to: &mount, in: text) }
        if isBind || !mode.isEmpty { mount.point.mode = mode }
        try claim(destination)
        mounts.append(mount)
    }

    private func apply(_ option: String, to mount: inout ContainerMount, in text: String) throws(EngineError) {
        let isBind = mount.point.type == "bind"
        switch option {
        case "rw": break
        case "ro": mount.point.rw = false
        case "z", "Z", "cached", "delegated", "consistent":
            break  // SELinux labels and macOS consistency: nothing to do on a machine without them, as in Docker.
        case "nocopy" where !isBind: mount.copiesUp = false
        case "copy" where !isBind: mount.copiesUp = true
        case "private", "rprivate", "shared", "rshared", "slave", "rslave":
            guard isBind else {
                throw .invalidArgument("invalid volume specification: '\(text)': invalid mode: \(option)")
            }
            mount.point.propagation = option
        default: throw .invalidArgument("invalid volume specification: '\(text)': invalid mode: \(option)")
        }
    }

    private mutating func add(spec: MountSpec) throws(EngineError) {
        func invalid(_ reason: String) -> EngineError {
            .invalidArgument("invalid mount config for type \"\(spec.type)\": \(reason)")
        }
        guard let target = spec.target, !target.isEmpty else { throw invalid("field Target must not be empty") }
        guard target.hasPrefix("/") else {
            throw invalid("invalid mount path: '\(target)' mount path must be absolute")
        }
        let destination = Self.clean(target)
        guard destination != "/" else { throw invalid("invalid specification: destination can't be '/'") }
        var mount: ContainerMount
        switch spec.type {
        case "bind":
            guard let source = spec.source, !source.isEmpty else { throw invalid("field Source must not be empty") }
            guard source.hasPrefix("/") else {
                throw invalid("invalid mount path: '\(source)' mount path must be absolute")
            }
            if spec.volumeOptions != nil { throw invalid("field VolumeOptions must not be specified") }
            mount = .bind(source: Self.clean(source), destination: destination)
            mount.createsSource = spec.bindOptions?.createMountpoint ?? false
            if let propagation = spec.bindOptions?.propagation, !propagation.isEmpty {
                guard Self.propagations.contains(propagation) else {
                    throw invalid("invalid propagation mode: \(propagation)")
                }
                mount.point.propagation = propagation
            }
            mount.isRecursive = spec.bindOptions?.nonRecursive != true
            if let owners = spec.bindOptions?.idMap, !owners.isEmpty { mount.owners = try OwnerMap(owners) }
            mount.isReadOnlyRecursive = spec.bindOptions?.readOnlyForceRecursive == true
            mount.keepsWritableBelow = spec.bindOptions?.readOnlyNonRecursive
            if mount.isReadOnlyRecursive, spec.readOnly != true {
                throw invalid("mount must be read-only to use ReadOnlyForceRecursive")
            }
            if mount.keepsWritableBelow == true, spec.readOnly != true {
                throw invalid("mount must be read-only to use ReadOnlyNonRecursive")
            }
        case "volume":
            if spec.bindOptions != nil { throw invalid("field BindOptions must not be specified") }
            let name = spec.source ?? ""
            if name.isEmpty {
                mount = .volume(name: Identifier.random(), destination: destination, isAnonymous: true)
            } else {
                guard Identifier.isValidName(name) else { throw invalid("invalid volume name: \(name)") }
                mount = .volume(name: name, destination: destination, isAnonymous: false)
                volumes[name] = spec.volumeOptions ?? volumes[name] ?? MountVolumeOptions()
            }
            mount.copiesUp = spec.volumeOptions?.noCopy != true
        case "tmpfs":
            guard (spec.source ?? "").isEmpty else { throw invalid("field Source must not be specified") }
            mount = .tmpfs(destination: destination)
            if let size = spec.tmpfsOptions?.sizeBytes, size > 0 { mount.tmpfsOptions.append("size=\(size)") }
            if let mode = spec.tmpfsOptions?.mode { mount.tmpfsOptions.append("mode=" + String(mode, radix: 8)) }
            for option in spec.tmpfsOptions?.options ?? [] { mount.tmpfsOptions.append(option.joined(separator: "=")) }
        case "": throw .invalidArgument("mount type unknown: \"\"")
        default: throw .notImplemented("HostConfig.Mounts of type \(spec.type) is not supported yet")
        }
        mount.point.rw = spec.readOnly != true
        try claim(destination)
        mounts.append(mount)
    }

    private mutating func add(tmpfs path: String, options: String) throws(EngineError) {
        let destination = try absolute(path, in: path, type: "tmpfs")
        var mount = ContainerMount.tmpfs(destination: destination)
        mount.tmpfsOptions = options.split(separator: ",").map(String.init)
        mount.isFromTmpfsOption = true
        try claim(destination)
        mounts.append(mount)
    }

    private func absolute(_ path: String, in text: String, type: String) throws(EngineError) -> String {
        guard path.hasPrefix("/") else {
            throw .invalidArgument(
                "invalid volume specification: '\(text)': invalid mount config for type \"\(type)\": "
                    + "invalid mount path: '\(path)' mount path must be absolute")
        }
        let destination = Self.clean(path)
        guard destination != "/" else {
            throw .invalidArgument(
                "invalid volume specification: '\(text)': invalid mount config for type \"\(type)\": "
                    + "invalid specification: destination can't be '/'")
        }
        return destination
    }

    private mutating func claim(_ destination: String) throws(EngineError) {
        guard destinations.insert(destination).inserted else {
            throw .invalidArgument("Duplicate mount point: \(destination)")
        }
    }

    private static let propagations: Set<String> = ["private", "rprivate", "shared", "rshared", "slave", "rslave"]

    /// Go's `path.Clean` for an absolute path.
    static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            if part == "." { continue }
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

extension ContainerMount {
    static func bind(source: String, destination: String) -> ContainerMount {
        var point = MountPoint()
        point.type = "bind"
        point.source = source
        point.destination = destination
        point.rw = true
        point.propagation = "rprivate"
        return ContainerMount(point: point)
    }

    static func volume(name: String, destination: String, isAnonymous: Bool) -> ContainerMount {
        var point = MountPoint()
        point.type = "volume"
        point.name = name
        point.destination = destination
        point.driver = "local"
        point.mode = "z"
        point.rw = true
        return ContainerMount(point: point, isAnonymous: isAnonymous, copiesUp: true)
    }

    static func tmpfs(destination: String) -> ContainerMount {
        var point = MountPoint()
        point.type = "tmpfs"
        point.destination = destination
        point.rw = true
        return ContainerMount(point: point)
    }
}
