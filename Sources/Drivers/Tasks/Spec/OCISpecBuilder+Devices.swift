// SPDX-License-Identifier: Apache-2.0
// Device nodes and the rules of the device cgroup.
import CLinux
import Glibc
import Linux
package import OCI
import Primitives

extension OCISpecBuilder {
    /// What every container may use, in the order the kernel gets them: deny all, then allow.
    package static let deviceRules: [RuntimeSpec.DeviceRule] = [
        .init(allow: false, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 5, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 3, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 9, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 8, access: "rwm"),
        .init(allow: true, type: "c", major: 5, minor: 0, access: "rwm"),
        .init(allow: true, type: "c", major: 5, minor: 1, access: "rwm"),
        .init(allow: false, type: "c", major: 10, minor: 229, access: "rwm"),
        // What OCI runtimes add: making nodes, /dev/full, pseudo terminals.
        .init(allow: true, type: "c", access: "m"),
        .init(allow: true, type: "b", access: "m"),
        .init(allow: true, type: "c", major: 1, minor: 7, access: "rwm"),
        .init(allow: true, type: "c", major: 5, minor: 2, access: "rwm"),
        .init(allow: true, type: "c", major: 136, access: "rwm"),
    ]

    func devices() throws -> [RuntimeSpec.Device] {
        if configuration.privileged { return try hostDevices() }
        var out: [RuntimeSpec.Device] = []
        for device in configuration.devices { out += try nodes(device).map(\.device) }
        return out
    }

    /// All of the host's; given ones only matter where they have another name in the container.
    private func hostDevices() throws -> [RuntimeSpec.Device] {
        var out = Self.nodes(below: "/dev", as: "/dev", depth: 0)
        for device in configuration.devices where device.hostPath != device.containerPath {
            let renamed = try nodes(device).map(\.device)
            out.removeAll { old in renamed.contains { $0.path == old.path } }
            out += renamed
        }
        return out
    }

    func deviceRules() throws -> [RuntimeSpec.DeviceRule] {
        if configuration.privileged { return [.init(allow: true, access: "rwm")] }
        var out = Self.deviceRules
        for device in configuration.devices {
            for (node, permissions) in try nodes(device) {
                out.append(
                    .init(allow: true, type: node.type, major: node.major, minor: node.minor, access: permissions))
            }
        }
        for rule in configuration.deviceCgroupRules { out.append(try Self.rule(rule)) }
        return out
    }

    /// A folder gives the nodes in it.
    private func nodes(_ device: TaskDevice) throws -> [(device: RuntimeSpec.Device, permissions: String)] {
        let permissions = device.permissions.isEmpty ? "rwm" : device.permissions
        guard permissions.allSatisfy({ "rwm".contains($0) }) else {
            throw EngineError.invalidArgument("invalid device mode: \(permissions)")
        }
        let containerPath = device.containerPath.isEmpty ? device.hostPath : device.containerPath
        var status = stat()
        guard stat(device.hostPath, &status) == 0 else {
            throw EngineError.invalidArgument(
                "error gathering device information while adding custom device \"\(device.hostPath)\": "
                    + Errno.message(errno))
        }
        if let node = Self.node(status, at: containerPath) { return [(node, permissions)] }
        let found =
            status.st_mode & S_IFMT == S_IFDIR ? Self.nodes(below: device.hostPath, as: containerPath, depth: 0) : []
        guard !found.isEmpty else {
            throw EngineError.invalidArgument(
                "error gathering device information while adding custom device \"\(device.hostPath)\": "
                    + "not a device node"
            )
        }
        return found.map { ($0, permissions) }
    }

    private static func node(_ status: stat, at path: String) -> RuntimeSpec.Device? {
        let type: String
        switch status.st_mode & S_IFMT {
        case S_IFCHR: type = "c"
        case S_IFBLK: type = "b"
        default: return nil
        }
        let (major, minor) = numbers(status.st_rdev)
        // Overlay's whiteouts are devices 0:0 and of no use.
        if major == 0, minor == 0 { return nil }
        var device = RuntimeSpec.Device(path: path, type: type, major: major, minor: minor)
        device.fileMode = status.st_mode & 0o7777
        device.uid = status.st_uid
        device.gid = status.st_gid
        return device
    }

    private static let skippedFolders: Set<String> = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]

    private static func nodes(below folder: String, as containerFolder: String, depth: Int) -> [RuntimeSpec.Device] {
        guard depth < 8 else { return [] }
        var out: [RuntimeSpec.Device] = []
        for name in ProcFile.names(folder).sorted() {
            let path = folder + "/" + name
            if path == "/dev/console" { continue }
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                if !skippedFolders.contains(name) {
                    out += nodes(below: path, as: containerFolder + "/" + name, depth: depth + 1)
                }
            } else if let node = node(status, at: containerFolder + "/" + name) {
                out.append(node)
            }
        }
        return out
    }

    /// Major and minor number of a device (makedev(3)).
    static func numbers(_ device: dev_t) -> (major: Int64, minor: Int64) {
        let value = UInt64(device)
        let major = (value >> 8 & 0xFFF) | (value >> 32 & 0xFFFF_F000)
        let minor = (value & 0xFF) | (value >> 12 & 0xFFFF_FF00)
        return (Int64(major), Int64(minor))
    }

    /// `c 42:* rmw`
    static func rule(_ text: String) throws(EngineError) -> RuntimeSpec.DeviceRule {
        let invalid = EngineError.invalidArgument("invalid device cgroup rule format: '\(text)'")
        let parts = text.split(separator: " ")
        guard parts.count == 3, ["a", "b", "c"].contains(parts[0]), (1...3).contains(parts[2].count),
            parts[2].allSatisfy({ "rwm".contains($0) })
        else { throw invalid }
        let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 2 else { throw invalid }
        func number(_ text: Substring) throws(EngineError) -> Int64? {
            if text == "*" { return nil }
            guard let value = UInt32(text) else { throw invalid }
            return Int64(value)
        }
        return RuntimeSpec.DeviceRule(
            allow: true, type: String(parts[0]), major: try number(numbers[0]), minor: try number(numbers[1]),
            access: String(parts[2]))
    }
}
