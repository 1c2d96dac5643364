// SPDX-License-Identifier: Apache-2.0
// `--device`, `--device-cgroup-rule` and `--gpus`.
import DockerClient
import JSON

/// Devices of a container.
enum DeviceFlags {
    static func fields(_ flags: FlagValues, into host: inout JSONObject) throws {
        var devices: [JSONValue] = []
        var requests: [JSONValue] = flags.list("gpus").map { gpus($0) }
        var names: [JSONValue] = []
        for text in flags.list("device") {
            if isQualifiedName(text) { names.append(.string(text)) } else { devices.append(try device(text)) }
        }
        if !names.isEmpty {
            requests.append([
                "Driver": "cdi", "Count": 0, "DeviceIDs": .array(names), "Capabilities": .null, "Options": .null,
            ])
        }
        host["Devices"] = .array(devices)
        host["DeviceCgroupRules"] =
            flags.isSet("device-cgroup-rule")
            ? .array(flags.list("device-cgroup-rule").map { .string($0) }) : .null
        host["DeviceRequests"] = requests.isEmpty ? .null : .array(requests)
    }

    /// `c 189:* rwm`
    static func isRule(_ text: String) -> Bool {
        let words = Text.split(text, " ")
        func isNumber(_ word: String) -> Bool {
            word == "*" || !word.isEmpty && word.utf8.allSatisfy { (48...57).contains($0) }
        }
        guard words.count == 3, ["a", "b", "c"].contains(words[0]), let (major, minor) = Text.cut(words[1], ":") else {
            return false
        }
        return isNumber(major) && isNumber(minor) && (1...3).contains(words[2].count)
            && words[2].allSatisfy { "rwm".contains($0) }
    }

    /// `vendor.com/class=name` of the container device interface.
    private static func isQualifiedName(_ text: String) -> Bool {
        guard !text.hasPrefix("/"), let (kind, name) = Text.cut(text, "=") else { return false }
        return kind.contains("/") && !name.isEmpty
    }

    static func device(_ text: String) throws -> JSONValue {
        let parts = Text.split(text, ":")
        if text.isEmpty { throw CommandError("bad format for path: ") }
        var (inside, permissions) = ("", "rwm")
        func isMode(_ mode: String) -> Bool {
            !mode.isEmpty && mode.allSatisfy { "rwm".contains($0) } && Set(mode).count == mode.count
        }
        switch parts.count {
        case 1: break
        case 2: if isMode(parts[1]) { permissions = parts[1] } else { inside = parts[1] }
        case 3:
            inside = parts[1]
            permissions = parts[2]
            if !isMode(permissions) { throw CommandError("bad mode specified: \(permissions)") }
        default: throw CommandError("bad format for path: \(text)")
        }
        if inside.isEmpty { inside = parts[0] }
        return [
            "PathOnHost": .string(parts[0]), "PathInContainer": .string(inside),
            "CgroupPermissions": .string(permissions),
        ]
    }

    private static func gpus(_ text: String) -> JSONValue {
        var (count, driver): (Int64, String) = (0, "")
        var (ids, options): ([JSONValue], JSONObject) = ([], JSONObject())
        var capabilities: [JSONValue] = ["gpu"]
        for field in CSVLine.fields(text) {
            let (key, value) = Text.cut(field, "=") ?? ("count", field)
            switch key {
            case "driver": driver = value
            case "count": count = value == "all" ? -1 : Int64(value) ?? 0
            case "device": ids = value.split(separator: ",").map { .string(String($0)) }
            case "capabilities": capabilities = value.split(separator: ",").map { .string(String($0)) } + ["gpu"]
            default: options[key] = .string(value)
            }
        }
        if count == 0, ids.isEmpty { count = 1 }
        return [
            "Driver": .string(driver), "Count": .int(count), "DeviceIDs": ids.isEmpty ? .null : .array(ids),
            "Capabilities": [.array(capabilities)], "Options": .object(options),
        ]
    }
}
