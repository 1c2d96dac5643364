// SPDX-License-Identifier: Apache-2.0
// What another runtime cannot be given as a descriptor: the root and mapped mounts go into a mount namespace of the shim's own.
import CLinux
import Glibc
import JSON
import Linux
import OCI

/// The bundle of a container that another runtime makes. Its mounts are the shim's alone and end with it: nothing is ever mounted
/// on the host, whatever becomes of the shim.
struct ForeignBundle {
    let plan: ContainerPlan
    let configuration: ShimConfiguration
    let options: ShimOptions

    /// Takes a mount namespace and mounts the container's root in the bundle.
    func mountRoot() throws {
        for mount in plan.spec.mounts where !Set(mount.options).isDisjoint(with: ["shared", "rshared"]) {
            throw RuntimeError(
                .invalid,
                "a mount that shares with the host (\(mount.destination)) is only possible with the runtime apus")
        }
        let mapped = configuration.mapsRoot ? try MappedRoot.make(plan).fd.duplicate().release() : nil
        if mapped == nil { try check("unshare") { apus_unshare(0x0002_0000) } }
        let propagation = UInt(Propagation.slave | Propagation.recursive)
        try check("mount /") { Glibc.mount("", "/", nil, propagation, nil) }
        let path = plan.rootPath
        let place = try doing("rootfs \(path)") { try OwnedFD.open(path, O_PATH | O_DIRECTORY) }
        if let mapped {
            try DetachedMount(adopting: OwnedFD(mapped)).attach(on: place)
            return
        }
        switch plan.rootSource {
        case .specified: return
        case .bind(let source, _):
            try DetachedMount.bind(AT_FDCWD, source, recursive: true).attach(on: place)
        case .overlay(let layers, let upper, let work, let options, _):
            try doing("mount rootfs") {
                try DetachedMount.overlay(layers: layers, upper: upper, work: work, options: options, staging: path)
                    .attach(on: place)
            }
        }
    }

    /// Writes the final config.json. Gives the descriptors that it speaks of, to be closed when the container is made.
    func complete() throws -> [Int32] {
        var kept: [Int32] = []
        var document = try JSONValue.parse(try TextFile.bytes(options.bundle + "/config.json")).object ?? JSONObject()
        var linux = document["linux"]?.object ?? JSONObject()
        var namespaces = linux["namespaces"]?.array ?? []
        func join(_ type: String, _ fd: Int32) {
            namespaces.removeAll { $0["type"]?.string == type }
            namespaces.append(["type": .string(type), "path": .string("/proc/\(getpid())/fd/\(fd)")])
            kept.append(fd)
        }
        if let fd = options.netnsDescriptor {
            _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
            if plan.linux.namespace(.user) != nil {
                // Who rules the network namespace is whom the container's root must be.
                join("user", try DetachedNamespace.owner(of: fd).release())
            }
            join("network", fd)
        }
        // What older runtimes ask for; nothing here needs a later version.
        document["ociVersion"] = "1.0.2"
        linux["namespaces"] = .array(namespaces)
        document["linux"] = .object(linux)
        document["mounts"] = .array(try mounts(document["mounts"]?.array ?? []))
        var process = document["process"]?.object ?? JSONObject()
        process["terminal"] = .bool(configuration.tty)
        if configuration.usesInit, let program = configuration.initProgram {
            process["args"] = .array(["/sbin/docker-init", "--"] + (process["args"]?.array ?? []))
            var all = document["mounts"]?.array ?? []
            all.append([
                "destination": "/sbin/docker-init", "type": "bind", "source": .string(program),
                "options": ["bind", "ro", "nosuid", "nodev"],
            ])
            document["mounts"] = .array(all)
        }
        document["process"] = .object(process)
        try TextFile.replace(options.bundle + "/config.json", with: JSONValue.object(document).serialize())
        return kept
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Binds with owners of their own, or out of another container, are opened here and given by a path of the shim's.
    private func mounts(_ all: [JSONValue]) throws -> [JSONValue] {
        var result: [JSONValue] = []
        for (index, json) in all.enumerated() {
            let mount = try RuntimeSpec.Mount(json: json, path: "mounts[\(index)]")
            let options = try MountOptions(mount.options)
            var json = json
            if mount.options.contains("rro"), mount.source.map(Self.isFolder) == false, var object = json.object {
                // crun 1.8 takes whatever is read-only recursively for a folder.
                object["options"] = .array(mount.options.map { .string($0 == "rro" ? "ro" : $0) })
                json = .object(object)
            }
            let isMapped = !mount.uidMappings.isEmpty
            let isForeign = mount.source.map { $0.hasPrefix("/proc/") } ?? false
            guard options.isBind || mount.type == "bind", isMapped || isForeign, let source = mount.source,
                var object = json.object
            else {
                result.append(json)
                continue
            }
            let tree = try RootFileSystem.view(of: source, recursive: options.isRecursive)
            if isMapped {
                let users = try DetachedNamespace.user(
                    uidMap: UserMapping.lines(mount.uidMappings), gidMap: UserMapping.lines(mount.gidMappings))
                try MountPreparation.mapOwners(of: tree, from: source, by: users, options)
            }
            let place = "\(self.options.runFolder)/mount-\(index)"
            var status = stat()
            let fd = tree.fd.raw
            try check("fstat") { fstat(fd, &status) }
            if status.st_mode & S_IFMT == S_IFDIR {
                try check("mkdir") { mkdir(place, 0o755) }
            } else {
                _ = try OwnedFD.open(place, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            }
            try tree.attach(on: try OwnedFD.open(place, O_PATH))
            object["source"] = .string(place)
            object["options"] = .array(
                (json["options"]?.strings ?? []).filter { !["idmap", "ridmap"].contains($0) }.map { .string($0) })
            object["uidMappings"] = nil
            object["gidMappings"] = nil
            result.append(.object(object))
        }
        return result
    }
}
