// SPDX-License-Identifier: Apache-2.0
// Reading a profile that a user wrote: `--security-opt seccomp=profile.json`.
import JSON
import OCI
package import Primitives

extension SeccompProfile {
    /// Parses Docker's format; unknown members are passed over, wrong kinds refused with Docker's words.
    package init(parsing text: String) throws(EngineError) {
        do {
            try self.init(document: SpecFields(Self.object(try JSONValue.parse(text)), path: "seccomp"))
        } catch {
            throw .invalidArgument("loading seccomp profile failed: \(error)")
        }
    }

    private static func object(_ value: JSONValue) throws -> JSONObject {
        guard let object = value.object else { throw SpecError("a profile must be an object") }
        return object
    }

    private init(document: SpecFields) throws {
        defaultAction = try document.requiredString("defaultAction")
        defaultErrnoRet = try document.integer("defaultErrnoRet")
        architectures = try document.strings("architectures")
        architectureMap = try Self.objects(document, "archMap").map {
            Architecture(
                name: try $0.requiredString("architecture"), subArchitectures: try $0.strings("subArchitectures"))
        }
        if !architectures.isEmpty, !architectureMap.isEmpty {
            throw SpecError("use either 'architectures' or 'archMap' in the seccomp profile, not both")
        }
        flags = try document.strings("flags")
        listenerPath = try document.string("listenerPath")
        listenerMetadata = try document.string("listenerMetadata")
        rules = try Self.objects(document, "syscalls").map { try Self.rule($0) }
    }

    private static func rule(_ fields: SpecFields) throws -> Rule {
        var names = try fields.strings("names")
        if let name = try fields.string("name"), !name.isEmpty {
            guard names.isEmpty else {
                throw SpecError("use either 'name' or 'names' in the seccomp profile, not both")
            }
            names = [name]
        }
        return Rule(
            names: names, action: try fields.requiredString("action"), errnoRet: try fields.integer("errnoRet"),
            args: try fields.parts("args"), includes: try condition(fields, "includes"),
            excludes: try condition(fields, "excludes"))
    }

    private static func condition(_ fields: SpecFields, _ key: String) throws -> Condition {
        guard let object = fields.value(key)?.object else { return Condition() }
        let part = SpecFields(object, path: "\(fields.path).\(key)")
        var condition = Condition(
            capabilities: try part.strings("caps"), architectures: try part.strings("arches"))
        if let text = try part.string("minKernel") {
            guard let version = KernelVersion(text) else { throw SpecError("invalid kernel version: \(text)") }
            condition.minimumKernel = version
        }
        return condition
    }

    private static func objects(_ fields: SpecFields, _ key: String) throws -> [SpecFields] {
        try (fields.value(key)?.array ?? []).enumerated().map { position, value in
            guard let object = value.object else { throw SpecError("\(key)[\(position)]: expected an object") }
            return SpecFields(object, path: "\(key)[\(position)]")
        }
    }
}
