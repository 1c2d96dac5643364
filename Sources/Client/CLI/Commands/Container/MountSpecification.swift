// SPDX-License-Identifier: Apache-2.0
// `--mount type=bind,source=…,target=…` as the API's Mount object, and `-v` as Binds or an anonymous volume.
import DockerClient
import Glibc
import JSON

/// Reads mounts from the command line.
enum MountSpecification {
    static func mount(_ text: String) -> Checked<JSONValue> {
        if text.isEmpty { return Checked(failure: "EOF") }
        do { return Checked(value: try parse(text)) } catch { return Checked(failure: "\(error)") }
    }

    private static func parse(_ text: String) throws -> JSONValue {
        var mount = JSONObject()
        var (bind, volume, tmpfs, image) = (JSONObject(), JSONObject(), JSONObject(), JSONObject())
        var type = "volume"
        var driver = JSONObject()
        for field in CSVLine.fields(text) {
            let pair = Text.cut(field, "=")
            let key = (pair?.before ?? field).lowercased()
            let value = pair?.after
            if key.isEmpty || Text.trimmed(key) != key { throw CommandError("invalid option '\(key)' in '\(field)'") }
            if value == nil, !["readonly", "ro", "volume-nocopy", "bind-nonrecursive"].contains(key) {
                throw CommandError("invalid field '\(field)' must be a key=value pair")
            }
            let given = value ?? "true"
            func flag() throws -> Bool {
                guard let flag = FlagSyntax.bool(given) else {
                    throw CommandError("invalid value for \(key): \(given)")
                }
                return flag
            }
            switch key {
            case "type": type = given.lowercased()
            case "source", "src":
                mount["Source"] = .string(
                    given == "." || given.hasPrefix("./") || given.hasPrefix("../") ? HostPath.absolute(given) : given)
            case "target", "dst", "destination": mount["Target"] = .string(given)
            case "readonly", "ro": mount["ReadOnly"] = .bool(try flag())
            case "consistency": mount["Consistency"] = .string(given.lowercased())
            case "bind-propagation": bind["Propagation"] = .string(given.lowercased())
            case "bind-idmap": bind["IDMap"] = .string(given)
            case "bind-nonrecursive": bind["NonRecursive"] = .bool(try flag())
            case "bind-recursive":
                switch given {
                case "enabled": break
                case "disabled": bind["NonRecursive"] = true
                case "writable": bind["ReadOnlyNonRecursive"] = true
                case "readonly": bind["ReadOnlyForceRecursive"] = true
                default:
                    throw CommandError(
                        "invalid value for bind-recursive: \(given) (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")"
                    )
                }
            case "volume-subpath": volume["Subpath"] = .string(given)
            case "volume-nocopy": volume["NoCopy"] = .bool(try flag())
            case "volume-label":
                var labels = volume["Labels"]?.object ?? JSONObject()
                let (name, content) = Text.cut(given, "=") ?? (given, "")
                labels[name] = .string(content)
                volume["Labels"] = .object(labels)
            case "volume-driver": driver["Name"] = .string(given)
            case "volume-opt":
                var options = driver["Options"]?.object ?? JSONObject()
                let (name, content) = Text.cut(given, "=") ?? (given, "")
                options[name] = .string(content)
                driver["Options"] = .object(options)
            case "image-subpath": image["Subpath"] = .string(given)
            case "tmpfs-size":
                guard let size = Checked.bytes(given) else { throw CommandError("invalid value for \(key): \(given)") }
                tmpfs["SizeBytes"] = .int(size)
            case "tmpfs-mode":
                guard let mode = Int64(given, radix: 8) else {
                    throw CommandError("invalid value for \(key): \(given)")
                }
                tmpfs["Mode"] = .int(mode)
            default: throw CommandError("unexpected key '\(key)' in '\(field)'")
            }
        }
        guard mount["Target"] != nil else { throw CommandError("target is required") }
        if !driver.isEmpty || !volume.isEmpty { volume["DriverConfig"] = .object(driver) }
        func refuse(_ options: JSONObject, _ name: String) throws {
            if type != name, !options.isEmpty {
                throw CommandError("cannot mix '\(name)-*' options with mount type '\(type)'")
            }
        }
        try refuse(volume, "volume")
        try refuse(bind, "bind")
        try refuse(tmpfs, "tmpfs")
        try refuse(image, "image")
        var result: JSONObject = ["Type": .string(type)]
        for field in mount.fields where field.key != "ReadOnly" || field.value == true {
            result[field.key] = field.value
        }
        if !bind.isEmpty { result["BindOptions"] = .object(bind) }
        if !volume.isEmpty { result["VolumeOptions"] = .object(volume) }
        if !image.isEmpty { result["ImageOptions"] = .object(image) }
        if !tmpfs.isEmpty { result["TmpfsOptions"] = .object(tmpfs) }
        return .object(result)
    }

    /// What `-v` asks for: a bind or named volume as the API wants it, or an anonymous volume at a path.
    enum Volume: Equatable {
        case bind(String)
        case anonymous(String)
    }

    static func volume(_ text: String) throws -> Volume {
        if text.isEmpty { throw CommandError("invalid empty volume spec") }
        if text.utf8.count <= 2 { return .anonymous(text) }
        let parts = sections(text)
        if parts.count == 1 { return .anonymous(text) }
        if parts.contains(where: \.isEmpty) {
            throw CommandError("invalid spec: \(text): empty section between colons")
        }
        if parts.count > 3 { throw CommandError("invalid spec: \(text): too many colons") }
        let source = parts[0]
        if source == "." || source.hasPrefix("./") {
            return .bind(([HostPath.absolute(source)] + parts.dropFirst()).joined(separator: ":"))
        }
        return .bind(text)
    }
}

extension MountSpecification {
    /// Parts between colons; a single letter and its colon stay together, as they name a drive elsewhere.
    private static func sections(_ text: String) -> [String] {
        var parts: [String] = []
        for part in Text.split(text, ":") {
            if let last = parts.last, last.count == 1, last.first?.isLetter == true {
                parts[parts.count - 1] = last + ":" + part
            } else {
                parts.append(part)
            }
        }
        return parts
    }
}

extension Checked where Value == Int64 {
    /// A size with unit.
    static func bytes(_ text: String) -> Int64? {
        FlagSyntax.complaint(.bytes, text) == nil ? SizeText.bytes(text) : nil
    }
}

/// Paths of this machine.
enum HostPath {
    /// The absolute form, `.` and `..` resolved by name as Go's `filepath.Abs`.
    static func absolute(_ path: String) -> String {
        var full = path
        if !path.hasPrefix("/") {
            var buffer = [CChar](repeating: 0, count: 4096)
            full = getcwd(&buffer, buffer.count) == nil ? "/" + path : CString.text(buffer) + "/" + path
        }
        var parts: [Substring] = []
        for part in full.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// Text in fixed C buffers.
enum CString {
    static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// One line of comma-separated values with optional double quotes (RFC 4180), as `--mount` and `--network` are written.
enum CSVLine {
    static func fields(_ text: String) -> [String] {
        var fields: [String] = []
        var field = ""
        var quoted = false
        var rest = Array(text)[...]
        while let character = rest.popFirst() {
            if character == "\"", quoted, rest.first == "\"" {
                field.append("\"")
                rest = rest.dropFirst()
            } else if character == "\"", quoted || field.isEmpty {
                quoted.toggle()
            } else if character == ",", !quoted {
                fields.append(field)
                field = ""
            } else {
                field.append(character)
            }
        }
        return fields + [field]
    }
}
