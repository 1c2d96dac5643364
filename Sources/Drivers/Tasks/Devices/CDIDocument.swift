// SPDX-License-Identifier: Apache-2.0
// A vendor's description of devices (Container Device Interface): https://github.com/cncf-tags/container-device-interface
import JSON
import OCI

/// One file of a specification folder.
struct CDIDocument {
    /// `vendor.com/class`
    let kind: String
    /// Edits that come with any of its devices.
    let common: CDIEdits
    let devices: [(name: String, edits: CDIEdits)]

    init(_ json: JSONValue) throws {
        guard let object = json.object else { throw SpecError("a specification must be an object") }
        let fields = SpecFields(object, path: "cdi")
        let version = try fields.requiredString("cdiVersion")
        guard version.hasPrefix("0.") || version.hasPrefix("1.") else {
            throw SpecError("unknown cdiVersion \(version)")
        }
        kind = try fields.requiredString("kind")
        guard CDIName.isKind(kind[...]) else { throw SpecError("invalid kind \(kind)") }
        common = try Self.edits(fields)
        devices = try (fields.value("devices")?.array ?? []).enumerated().map { index, device in
            guard let object = device.object else { throw SpecError("cdi.devices[\(index)]: expected an object") }
            let fields = SpecFields(object, path: "cdi.devices[\(index)]")
            let name = try fields.requiredString("name")
            guard CDIName.isName(name[...]) else { throw SpecError("invalid device name \(name)") }
            return (name, try Self.edits(fields))
        }
    }

    private static func edits(_ fields: SpecFields) throws -> CDIEdits {
        guard let value = fields.value("containerEdits") else { return CDIEdits() }
        guard let object = value.object else { throw SpecError("\(fields.path).containerEdits: expected an object") }
        return try CDIEdits(SpecFields(object, path: fields.path + ".containerEdits"))
    }
}

/// What having a device changes in a container.
struct CDIEdits {
    struct Node {
        var path: String
        var hostPath: String
        var type: String?
        var major: Int64?
        var minor: Int64?
        var fileMode: UInt32?
        var permissions: String
        var uid: UInt32?
        var gid: UInt32?
    }

    var env: [String] = []
    var nodes: [Node] = []
    var mounts: [RuntimeSpec.Mount] = []
    var hooks: [(name: String, hook: RuntimeSpec.Hook)] = []
    var groups: [UInt32] = []

    init() {}

    init(_ fields: SpecFields) throws {
        for key in ["intelRdt", "netDevices"] where fields.value(key) != nil {
            throw SpecError("\(fields.path).\(key) is not supported")
        }
        env = try fields.strings("env")
        if let variable = env.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) {
            throw SpecError("\(fields.path).env: invalid variable \(variable)")
        }
        groups = try fields.integers("additionalGids")
        nodes = try Self.objects("deviceNodes", fields).map { node in
            let path = try node.requiredString("path")
            let permissions = try node.string("permissions") ?? ""
            let type = try node.string("type")
            guard path.hasPrefix("/"), permissions.allSatisfy({ "rwm".contains($0) }),
                ["", "b", "c", "u", "p"].contains(type ?? "")
            else { throw SpecError("\(node.path): invalid device node \(path)") }
            return Node(
                path: path, hostPath: try node.string("hostPath") ?? path, type: type == "" ? nil : type,
                major: try node.integer("major"), minor: try node.integer("minor"),
                fileMode: try node.integer("fileMode"), permissions: permissions.isEmpty ? "rwm" : permissions,
                uid: try node.integer("uid"), gid: try node.integer("gid"))
        }
        mounts = try Self.objects("mounts", fields).map { mount in
            let (source, destination) = (
                try mount.requiredString("hostPath"), try mount.requiredString("containerPath")
            )
            guard destination.hasPrefix("/"), destination != "/" else {
                throw SpecError("\(mount.path): invalid containerPath \(destination)")
            }
            var options = try mount.strings("options")
            var type = try mount.string("type") ?? ""
            if type.isEmpty { type = "bind" }
            if type == "bind", !options.contains("bind"), !options.contains("rbind") { options.append("rbind") }
            return RuntimeSpec.Mount(destination: destination, type: type, source: source, options: options)
        }
        hooks = try Self.objects("hooks", fields).map { hook in
            let name = try hook.requiredString("hookName")
            guard Self.hookNames.contains(name) else { throw SpecError("\(hook.path): invalid hookName \(name)") }
            return (name, try RuntimeSpec.Hook(hook))
        }
    }

    private static let hookNames: Set<String> = [
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
    ]

    private static func objects(_ key: String, _ fields: SpecFields) throws -> [SpecFields] {
        guard let value = fields.value(key) else { return [] }
        guard let array = value.array else { throw SpecError("\(fields.path).\(key): expected an array") }
        return try array.enumerated().map { index, item in
            guard let object = item.object else {
                throw SpecError("\(fields.path).\(key)[\(index)]: expected an object")
            }
            return SpecFields(object, path: "\(fields.path).\(key)[\(index)]")
        }
    }
}

/// `vendor.com/class=name`
enum CDIName {
    static func isQualified(_ text: String) -> Bool {
        guard let equals = text.firstIndex(of: "=") else { return false }
        return isKind(text[..<equals]) && isName(text[text.index(after: equals)...])
    }

    static func isKind(_ text: Substring) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && isWord(parts[0], "_-.") && isWord(parts[1], "_-") && parts[0].first?.isLetter == true
            && parts[1].first?.isLetter == true
    }

    static func isName(_ text: Substring) -> Bool { isWord(text, "_-.:") }

    private static func isWord(_ text: Substring, _ marks: String) -> Bool {
        func isPlain(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber)
        }
        guard let first = text.first, let last = text.last, isPlain(first), isPlain(last) else { return false }
        return text.allSatisfy { isPlain($0) || marks.contains($0) }
    }
}
