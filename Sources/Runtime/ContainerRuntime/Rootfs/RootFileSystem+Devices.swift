// SPDX-License-Identifier: Apache-2.0
// The container's /dev: nodes every program expects, the spec's devices, links, console.
import CLinux
import Glibc
import Linux
import OCI

extension RootFileSystem {
    /// A /dev bound from elsewhere is not ours to fill.
    var ownsDev: Bool {
        !plan.spec.mounts.contains {
            $0.destination.split(separator: "/") == ["dev"]
                && ($0.type == "bind" || $0.options.contains { $0.hasSuffix("bind") })
        }
    }

    private static let standard: [(name: String, major: Int64, minor: Int64)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]

    func makeDevices() throws {
        for device in Self.standard where !plan.linux.devices.contains(where: { $0.path == "/dev/\(device.name)" }) {
            var entry = RuntimeSpec.Device(
                path: "/dev/\(device.name)", type: "c", major: device.major, minor: device.minor)
            entry.fileMode = 0o666
            try make(entry)
        }
        for device in plan.linux.devices { try make(device) }
        try link("/dev/fd", to: "/proc/self/fd")
        try link("/dev/stdin", to: "/proc/self/fd/0")
        try link("/dev/stdout", to: "/proc/self/fd/1")
        try link("/dev/stderr", to: "/proc/self/fd/2")
        if TextFile.exists("/proc/kcore") { try link("/dev/core", to: "/proc/kcore") }
        if try root.find("/dev/pts/ptmx") != nil { try replaceLink("/dev/ptmx", to: "pts/ptmx") }
    }

    private func make(_ device: RuntimeSpec.Device) throws {
        let type: mode_t
        switch device.type {
        case "c", "u": type = S_IFCHR
        case "b": type = S_IFBLK
        case "p": type = S_IFIFO
        default: throw RuntimeError(.invalid, "unknown device type \(device.type)")
        }
        let permissions = mode_t(device.fileMode ?? 0o666) & 0o7777
        let (major, minor) = (UInt32(clamping: device.major ?? 0), UInt32(clamping: device.minor ?? 0))
        try doing("device \(device.path)") {
            var denied = false
            try root.withParent(of: device.path) { folder, name in
                if apus_mknodat(folder, name, type | permissions, major, minor) < 0 {
                    if errno == EPERM {
                        denied = true
                        return
                    }
                    guard errno == EEXIST else { throw Errno(call: "mknod") }
                    // What an image brings counts only when it is the same device.
                    var status = stat()
                    guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == type,
                        type == S_IFIFO
                            || (gnu_dev_major(status.st_rdev), gnu_dev_minor(status.st_rdev)) == (major, minor)
                    else { throw Errno(call: "mknod", code: EEXIST) }
                }
                if device.uid != nil || device.gid != nil {
                    try check("chown") {
                        fchownat(folder, name, device.uid ?? 0, device.gid ?? 0, AT_SYMLINK_NOFOLLOW)
                    }
                }
            }
            // A user namespace makes no nodes; the host's is bound instead.
            if denied {
                let node = Self.hostNode(device, type, major, minor)
                try DetachedMount.bind(AT_FDCWD, node, recursive: false).attach(on: try root.file(device.path))
            }
        }
    }

    /// Where the host has a device: under the same name, or the one that the kernel gave it.
    private static func hostNode(_ device: RuntimeSpec.Device, _ type: mode_t, _ major: UInt32, _ minor: UInt32)
        -> String
    {
        func isNode(_ path: String) -> Bool {
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == type
                && (gnu_dev_major(status.st_rdev), gnu_dev_minor(status.st_rdev)) == (major, minor)
        }
        if isNode(device.path) { return device.path }
        let facts = "/sys/dev/\(type == S_IFBLK ? "block" : "char")/\(major):\(minor)/uevent"
        let lines = ((try? TextFile.text(facts)) ?? "").split(separator: "\n")  // a device without facts keeps its name
        guard let name = lines.first(where: { $0.hasPrefix("DEVNAME=") })?.dropFirst(8) else { return device.path }
        return isNode("/dev/" + name) ? "/dev/" + name : device.path
    }

    private func link(_ path: String, to target: String) throws {
        try root.withParent(of: path) { folder, name in
            if symlinkat(target, folder, name) < 0 && errno != EEXIST { throw Errno(call: "symlink \(path)") }
        }
    }

    /// Images may ship a real ptmx node, which would open the host's terminals.
    private func replaceLink(_ path: String, to target: String) throws {
        try root.withParent(of: path) { folder, name in
            if unlinkat(folder, name, 0) < 0 && errno != ENOENT { throw Errno(call: "unlink \(path)") }
            try check("symlink") { symlinkat(target, folder, name) }
        }
    }

    /// Opens a terminal of the container's own devpts and puts its peer on /dev/console.
    func openConsole() throws -> Console {
        let master = try doing("open /dev/pts/ptmx") { try root.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY) }
        try Self.requireFileSystem(master.raw, magic: 0x1cd1, "devpts")
        let peer = try PseudoTerminal.peer(of: master)
        if let size = plan.process.consoleSize, size.width > 0 || size.height > 0 {
            try PseudoTerminal.resize(master.raw, width: size.width, height: size.height)
        }
        if ownsDev {
            try DetachedMount.bind(peer.raw, "", recursive: false).attach(on: try root.file("/dev/console"))
        }
        return Console(master: master, peer: peer)
    }
}

/// Both sides of the container's terminal.
struct Console: ~Copyable {
    let master: OwnedFD
    let peer: OwnedFD
}
