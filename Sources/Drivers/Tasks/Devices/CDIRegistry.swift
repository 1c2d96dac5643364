// SPDX-License-Identifier: Apache-2.0
// The devices that vendors describe in the folders of the Container Device Interface, and putting them into a container.
import Glibc
import JSON
import Linux
import OCI
import Primitives

/// What the folders say now: they are read anew for each container, as the files come and go with drivers.
struct CDIRegistry {
    private struct Device {
        var edits: CDIEdits
        var common: CDIEdits
        var file: String
        var folder: Int
    }

    private var devices: [String: Device] = [:]
    private var conflicts: Set<String> = []
    /// Files that could not be read, with the reason.
    private var problems: [String] = []

    private static let largestFile = 4 << 20
    private static let mostFiles = 1024

    /// Later folders win over earlier ones; two files of one folder that name the same device leave it to nobody.
    init(folders: [String]) {
        for (index, folder) in folders.enumerated() {
            for name in ProcFile.names(folder).sorted().prefix(Self.mostFiles) {
                let path = folder + "/" + name
                if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
                    problems.append("\(path): specifications in YAML are not supported yet, write it as JSON")
                } else if name.hasSuffix(".json") {
                    do { try add(path, folder: index) } catch { problems.append("\(path): \(error)") }
                }
            }
        }
    }

    private mutating func add(_ path: String, folder: Int) throws {
        let document = try CDIDocument(try JSONValue.parse(try TextFile.bytes(path, limit: Self.largestFile)))
        for device in document.devices {
            let name = "\(document.kind)=\(device.name)"
            if let known = devices[name], known.folder == folder {
                conflicts.insert(name)
                problems.append("\(path): conflicts with \(known.file) over \(name)")
                continue
            }
            conflicts.remove(name)
            devices[name] = Device(edits: device.edits, common: document.common, file: path, folder: folder)
        }
    }

    /// Edits a specification for the devices; names nobody knows are an error that lists them.
    func inject(_ names: [String], into spec: inout RuntimeSpec) throws(EngineError) {
        let missing = names.filter { devices[$0] == nil || conflicts.contains($0) }
        guard missing.isEmpty else {
            let why = problems.isEmpty ? "" : " (\(problems.joined(separator: "; ")))"
            throw .internalError(
                "CDI device injection failed: unresolvable CDI devices \(missing.joined(separator: ", "))\(why)")
        }
        var filesDone: Set<String> = []
        for name in names {
            guard let device = devices[name] else { continue }
            do {
                if filesDone.insert(device.file).inserted { try Self.apply(device.common, to: &spec) }
                try Self.apply(device.edits, to: &spec)
            } catch { throw .internalError("CDI device injection failed: \(name): \(error)") }
        }
    }

    private static func apply(_ edits: CDIEdits, to spec: inout RuntimeSpec) throws {
        for variable in edits.env {
            let key = variable.prefix { $0 != "=" } + "="
            spec.process?.env.removeAll { $0.hasPrefix(key) }
            spec.process?.env.append(variable)
        }
        for node in edits.nodes { try apply(node, to: &spec) }
        for mount in edits.mounts {
            spec.mounts.removeAll { $0.destination == mount.destination }
            spec.mounts.append(mount)
        }
        for (name, hook) in edits.hooks { apply(hook, name, to: &spec) }
        for group in edits.groups where group != 0 && spec.process?.user.additionalGids.contains(group) == false {
            spec.process?.user.additionalGids.append(group)
        }
    }

    private static func apply(_ node: CDIEdits.Node, to spec: inout RuntimeSpec) throws {
        var device = RuntimeSpec.Device(
            path: node.path, type: node.type ?? "", major: node.major, minor: node.minor)
        device.fileMode = node.fileMode
        if node.type == nil || (node.type != "p" && (node.major == nil || node.minor == nil)) {
            var status = stat()
            guard stat(node.hostPath, &status) == 0 else {
                throw SpecError("failed to stat CDI host device \"\(node.hostPath)\": \(Errno.message(errno))")
            }
            let found: String
            switch status.st_mode & S_IFMT {
            case S_IFCHR: found = "c"
            case S_IFBLK: found = "b"
            case S_IFIFO: found = "p"
            default: throw SpecError("CDI device \"\(node.hostPath)\" is not a device node")
            }
            let known = node.type == "u" ? "c" : node.type
            guard known == nil || known == found else {
                throw SpecError("CDI device \"\(node.hostPath)\": host type mismatch (\(known ?? ""), \(found))")
            }
            device.type = found
            let (major, minor) = OCISpecBuilder.numbers(status.st_rdev)
            if found != "p" { (device.major, device.minor) = (major, minor) }
            if device.fileMode == nil { device.fileMode = status.st_mode & 0o7777 }
        }
        let user = spec.process?.user
        device.uid = node.uid ?? user.flatMap { $0.uid > 0 ? $0.uid : nil }
        device.gid = node.gid ?? user.flatMap { $0.gid > 0 ? $0.gid : nil }
        spec.linux?.devices.removeAll { $0.path == device.path }
        spec.linux?.devices.append(device)
        if device.type == "b" || device.type == "c" || device.type == "u" {
            spec.linux?.resources?.devices.append(
                .init(
                    allow: true, type: device.type == "u" ? "c" : device.type, major: device.major, minor: device.minor,
                    access: node.permissions))
        }
    }

    private static func apply(_ hook: RuntimeSpec.Hook, _ name: String, to spec: inout RuntimeSpec) {
        var hooks = spec.hooks ?? RuntimeSpec.Hooks()
        switch name {
        case "prestart": hooks.prestart.append(hook)
        case "createRuntime": hooks.createRuntime.append(hook)
        case "createContainer": hooks.createContainer.append(hook)
        case "startContainer": hooks.startContainer.append(hook)
        case "poststart": hooks.poststart.append(hook)
        default: hooks.poststop.append(hook)
        }
        spec.hooks = hooks
    }
}
