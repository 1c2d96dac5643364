// SPDX-License-Identifier: Apache-2.0
// The container's tree, built inside its own mount namespace: root, mounts, devices, masks, pivot.
import CLinux
import Glibc
import Linux
import OCI

/// Builds and enters the root file system; runs in the container's first process, before pivot_root(2).
struct RootFileSystem: ~Copyable {
    let plan: ContainerPlan
    let root: GuestRoot
    /// File systems the spec wants read-only, filled by later mounts first.
    var lateReadonly: [String] = []

    /// Detaches from the host's propagation and attaches the root.
    init(_ plan: ContainerPlan) throws {
        self.plan = plan
        let propagation = try Propagation.flags(plan.linux.rootfsPropagation)
        if plan.hasMountNamespace {
            try check("mount /") {
                Glibc.mount("", "/", nil, UInt(propagation ?? (Propagation.slave | Propagation.recursive)), nil)
            }
        }
        if let made = plan.preparedRoot {
            // The folder on the host may be closed to the container's user; every process knows its own root.
            let tree = DetachedMount(adopting: OwnedFD(made))
            try tree.change(propagation: Propagation.private, recursive: true)
            try tree.attach(on: try OwnedFD.open("/", O_PATH | O_DIRECTORY))
            root = GuestRoot(try tree.fd.duplicate())
            return
        }
        let path = plan.rootPath
        if plan.hasMountNamespace, let propagation,
            propagation & Propagation.recursive == 0 || propagation & Propagation.shared != 0
        {
            try Self.makeParentUnshared(path, propagation)
        }
        let place = try doing("rootfs \(path)") { try OwnedFD.open(path, O_PATH | O_DIRECTORY) }
        let tree: DetachedMount
        switch plan.rootSource {
        case .specified:
            tree = try DetachedMount.bind(place.raw, "", recursive: true)
        case .bind(let source, _):
            tree = try doing("bind rootfs") { try DetachedMount.bind(AT_FDCWD, source, recursive: true) }
        case .overlay(let layers, let upper, let work, let options, _):
            tree = try doing("mount rootfs") {
                try DetachedMount.overlay(layers: layers, upper: upper, work: work, options: options, staging: path)
            }
        }
        if propagation == nil || propagation.map({ $0 & Propagation.slave == 0 }) == true {
            try tree.change(propagation: Propagation.private, recursive: true)
        }
        try tree.attach(on: place)
        root = try GuestRoot(path: path)
    }

    /// pivot_root(2) refuses a root below a shared mount. A root that shall be a slave takes it from its parent.
    private static func makeParentUnshared(_ path: String, _ propagation: UInt64) throws {
        let kind = propagation & Propagation.slave != 0 ? Propagation.slave : Propagation.private
        var folder = path
        while true {
            if Glibc.mount("", folder, nil, UInt(kind), nil) == 0 { return }
            guard errno == EINVAL, folder != "/" else { throw Errno(call: "mount \(folder)") }
            folder = GuestRoot.split(folder)?.0 ?? "/"
        }
    }

    /// Everything from the first mount to the read-only root. `awaitCgroup` returns when the process is in its group,
    /// `requestTree` has the runtime open the source of a mount.
    mutating func populate(awaitCgroup: () throws -> Void, requestTree: (Int) throws -> OwnedFD) throws {
        for (index, entry) in plan.spec.mounts.enumerated() {
            var mount = entry
            mount.destination = insideRoot(entry.destination)
            try doing("error mounting \"\(mount.source ?? "")\" to rootfs at \"\(mount.destination)\"") {
                let prepared =
                    try plan.preparedMounts[index]
                    ?? (MountPreparation.isLate(mount, plan) ? requestTree(index).release() : nil)
                try self.mount(mount, prepared: prepared, awaitCgroup: awaitCgroup)
            }
        }
        if ownsDev {
            try makeDevices()
            // Before a /dev that shall be read-only is.
            if plan.process.terminal { _ = try root.file("/dev/console") }
        }
        try doing("mkdir \(plan.process.cwd)") { _ = try root.folder(plan.process.cwd) }
        for (key, value) in plan.linux.sysctl.pairs { try setSysctl(key, value) }
        for path in lateReadonly { try setReadonly(path, remount: false) }
        for path in plan.linux.readonlyPaths {
            try doing("readonly path \(path)") { try setReadonly(path, remount: true) }
        }
        var seen: Set<String> = []
        try doing("masked paths") { try mask(plan.linux.maskedPaths.filter { seen.insert($0).inserted }) }
        if plan.spec.root?.readonly == true || plan.rootSource.isReadonly {
            try DetachedMount.change(root.fd.raw, set: .readonly)
        }
    }

    /// Callers may write the path on the host: what lies below the root is meant as the container sees it.
    private func insideRoot(_ destination: String) -> String {
        let top = "/" + plan.rootPath.split(separator: "/").joined(separator: "/") + "/"
        let path = "/" + destination.split(separator: "/").joined(separator: "/")
        return top != "//" && path.hasPrefix(top) ? "/" + path.dropFirst(top.count) : destination
    }

    private mutating func mount(
        _ entry: RuntimeSpec.Mount, prepared: Int32?, awaitCgroup: () throws -> Void
    ) throws {
        let options = try MountOptions(entry.options)
        if options.isBind || entry.type == "bind" { return try bind(entry, options, prepared) }
        switch entry.type {
        case "cgroup", "cgroup2":
            try awaitCgroup()
            try mountCgroup(entry, options)
        case let type?:
            try mountFileSystem(entry, type: type, options)
        case nil:
            throw RuntimeError(.invalid, "mount type is missing")
        }
    }

    private func bind(_ entry: RuntimeSpec.Mount, _ options: MountOptions, _ prepared: Int32?) throws {
        guard var source = entry.source else { throw RuntimeError(.invalid, "bind mount without source") }
        if !source.hasPrefix("/") { source = plan.bundle + "/" + source }
        guard options.data.isEmpty else {
            throw RuntimeError(
                .invalid, "bind mounts cannot have any filesystem-specific options applied: \(options.data[0])")
        }
        let tree =
            try prepared.map { DetachedMount(adopting: OwnedFD($0)) }
            ?? Self.view(of: source, recursive: options.isRecursive)
        try apply(options, to: tree)
        let isFolder = try Self.isFolder(tree.fd.raw)
        let place = isFolder ? try root.folder(entry.destination) : try root.file(entry.destination)
        try requireNotProc(place, called: entry.destination, cover: tree)
        try tree.attach(on: place)
    }

    private mutating func mountFileSystem(_ entry: RuntimeSpec.Mount, type: String, _ options: MountOptions) throws {
        let existed = try root.find(entry.destination) != nil
        let place = try root.folder(entry.destination)
        if type == "proc" || type == "sysfs" {
            // A link here would let an image choose where the kernel's files appear, and so undo the masks.
            let plain = try root.open(entry.destination, O_PATH | O_NOFOLLOW)
            guard try Self.isFolder(plain.raw) else {
                throw RuntimeError(.invalid, "filesystem \"\(type)\" must be mounted on ordinary directory")
            }
        }
        var data = options.data
        var attributes = options.set
        if type == "tmpfs" {
            if existed, !data.contains(where: { $0.hasPrefix("mode=") }) {
                var status = stat()
                if fstat(place.raw, &status) == 0 { data.append("mode=\(String(status.st_mode & 0o7777, radix: 8))") }
            }
            if attributes.contains(.readonly) {
                attributes.remove(.readonly)
                lateReadonly.append(entry.destination)
            }
        }
        // POSIX message queues and the like call their source after themselves.
        let source = entry.source.flatMap { $0.isEmpty ? nil : $0 } ?? type
        let tree = try DetachedMount.new(type: type, source: source, options: data, attributes: attributes)
        try tree.change(
            propagation: options.propagation == 0 ? Propagation.private : options.propagation, recursive: false)
        try requireNotProc(place, called: entry.destination, cover: tree)
        if type == "tmpfs", options.copiesUp { try CopyUp.copy(from: place, to: tree) }
        try tree.attach(on: place)
    }

    private func setSysctl(_ key: String, _ value: String) throws {
        let path = try SysctlKey(key).path
        try doing("sysctl \"\(key)\"") {
            let file = try root.open(path, O_WRONLY)
            try Self.requireFileSystem(file.raw, magic: 0x9fa0, "proc")
            try TextFile.write(value, to: file.raw, name: path)
        }
    }

    static func requireFileSystem(_ fd: Int32, magic: Int, _ name: String) throws {
        var status = statfs()
        try check("fstatfs") { fstatfs(fd, &status) }
        guard Int(status.f_type) == magic else { throw RuntimeError(.invalid, "not on \(name)") }
    }

    static func isFolder(_ fd: Int32) throws -> Bool {
        var status = stat()
        try check("fstat") { fstat(fd, &status) }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// `remount` turns a place inside a mount into a mount of its own first.
    private func setReadonly(_ path: String, remount: Bool) throws {
        guard let place = try root.find(path) else { return }
        if remount {
            let tree = try DetachedMount.bind(place.raw, "", recursive: true)
            try tree.change(set: .readonly, recursive: true)
            try tree.attach(on: place)
        } else {
            try DetachedMount.change(place.raw, set: .readonly)
        }
    }

    /// Files are covered by /dev/null, folders by one empty read-only tmpfs.
    private func mask(_ paths: [String]) throws {
        let null = try OwnedFD.open("/dev/null", O_PATH | O_NOFOLLOW)
        var (mode, major, minor): (UInt32, UInt32, UInt32) = (0, 0, 0)
        let raw = null.raw
        try check("fstat") { apus_device_of(raw, &mode, &major, &minor) }
        guard mode_t(mode) & S_IFMT == S_IFCHR, major == 1, minor == 3 else {
            throw RuntimeError(.internalError, "/dev/null of this host is not the null device")
        }
        var empty: Int32 = -1
        defer { if empty >= 0 { _ = close(empty) } }
        for path in paths {
            guard let place = try root.find(path) else { continue }
            let cover: DetachedMount
            if try !Self.isFolder(place.raw) {
                cover = try DetachedMount.bind(null.raw, "", recursive: false)
            } else if empty >= 0 {
                cover = try DetachedMount.bind(empty, "", recursive: false)
            } else {
                cover = try DetachedMount.new(
                    type: "tmpfs", source: "tmpfs", options: ["nr_blocks=1"], attributes: .readonly)
                empty = try cover.fd.duplicate().release()
            }
            try cover.attach(on: place)
        }
    }

    /// Makes the tree this process's root and forgets the host's.
    consuming func enter() throws {
        let fd = root.fd.raw
        let after = try Propagation.flags(plan.linux.rootfsPropagation)
        guard plan.hasMountNamespace, !plan.noPivot else {
            if plan.hasMountNamespace { try moveRoot() }
            try check("fchdir") { fchdir(fd) }
            try check("chroot") { chroot(".") }
            return try _ = check("chdir /") { chdir("/") }
        }
        let host = try OwnedFD.open("/", O_PATH | O_DIRECTORY)
        let hostFD = host.raw
        try check("fchdir") { fchdir(fd) }
        try check("pivot_root") { apus_pivot_root(".", ".") }
        try check("fchdir") { fchdir(hostFD) }
        // The host's tree must not see it go.
        try check("mount .") { Glibc.mount("", ".", nil, UInt(Propagation.slave | Propagation.recursive), nil) }
        try check("umount") { umount2(".", 2) }
        try check("chdir /") { chdir("/") }
        if let after { try check("mount /") { Glibc.mount("", "/", nil, UInt(after), nil) } }
    }
}

extension RootSource {
    var isReadonly: Bool {
        switch self {
        case .specified: false
        case .bind(_, let readonly): readonly
        case .overlay(_, let upper, _, _, let readonly): readonly || upper == nil
        }
    }
}
