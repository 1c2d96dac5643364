// SPDX-License-Identifier: Apache-2.0
// config.json of a bundle: https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md
package import JSON

/// The configuration of one container, version 1.2 of the runtime specification.
package struct RuntimeSpec: SpecValue {
    package static let version = "1.2.0"
    /// The newest version whose documents are understood.
    package static let newest = "1.3.0"

    package var ociVersion = RuntimeSpec.version
    package var root: Root?
    package var mounts: [Mount] = []
    package var process: Process?
    package var hostname: String?
    package var domainname: String?
    package var hooks: Hooks?
    package var annotations: StringMap = []
    package var linux: Linux?

    package init() {}

    package init(_ fields: SpecFields) throws {
        ociVersion = try fields.requiredString("ociVersion")
        root = try fields.part("root")
        mounts = try fields.parts("mounts")
        process = try fields.part("process")
        hostname = try fields.string("hostname")
        domainname = try fields.string("domainname")
        hooks = try fields.part("hooks")
        annotations = StringMap(try fields.stringMap("annotations"))
        linux = try fields.part("linux")
    }

    package func write(to out: inout JSONObject) {
        out.put("ociVersion", ociVersion)
        out.put("process", process)
        out.put("root", root)
        out.put("hostname", hostname)
        out.put("domainname", domainname)
        out.put("mounts", parts: mounts)
        out.put("hooks", hooks)
        out.put("annotations", map: annotations.pairs)
        out.put("linux", linux)
    }

    package static func parse(_ bytes: [UInt8]) throws -> RuntimeSpec {
        try RuntimeSpec(json: try JSONValue.parse(bytes))
    }
}

/// String pairs that keep their order; of equal keys the document has only one.
package struct StringMap: Sendable, Equatable, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    package var pairs: [(key: String, value: String)]

    package init(_ pairs: [(key: String, value: String)]) { self.pairs = pairs }
    package init(arrayLiteral elements: (String, String)...) { pairs = elements.map { ($0.0, $0.1) } }
    package init(dictionaryLiteral elements: (String, String)...) { pairs = elements.map { ($0.0, $0.1) } }

    package var isEmpty: Bool { pairs.isEmpty }

    package subscript(key: String) -> String? {
        get { pairs.first { $0.key == key }?.value }
        set {
            pairs.removeAll { $0.key == key }
            if let newValue { pairs.append((key, newValue)) }
        }
    }

    package static func == (left: StringMap, right: StringMap) -> Bool {
        left.pairs.count == right.pairs.count && left.pairs.allSatisfy { right[$0.key] == $0.value }
    }
}

extension RuntimeSpec {
    /// The root file system: a path, absolute or relative to the bundle.
    package struct Root: SpecValue {
        package var path: String
        package var readonly = false

        package init(path: String, readonly: Bool = false) {
            self.path = path
            self.readonly = readonly
        }

        package init(_ fields: SpecFields) throws {
            path = try fields.requiredString("path")
            readonly = try fields.bool("readonly") ?? false
        }

        package func write(to out: inout JSONObject) {
            out.put("path", path)
            if readonly { out.put("readonly", true) }
        }
    }

    /// A mount besides the root, in order; `destination` is a path inside the container.
    package struct Mount: SpecValue {
        package var destination: String
        package var type: String?
        package var source: String?
        package var options: [String] = []
        package var uidMappings: [IDMapping] = []
        package var gidMappings: [IDMapping] = []

        package init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
            self.destination = destination
            self.type = type
            self.source = source
            self.options = options
        }

        package init(_ fields: SpecFields) throws {
            destination = try fields.requiredString("destination")
            type = try fields.string("type")
            source = try fields.string("source")
            options = try fields.strings("options")
            uidMappings = try fields.parts("uidMappings")
            gidMappings = try fields.parts("gidMappings")
        }

        package func write(to out: inout JSONObject) {
            out.put("destination", destination)
            out.put("type", type)
            out.put("source", source)
            out.put("options", options)
            out.put("uidMappings", parts: uidMappings)
            out.put("gidMappings", parts: gidMappings)
        }
    }

    package struct IDMapping: SpecValue {
        package var containerID: UInt32
        package var hostID: UInt32
        package var size: UInt32

        package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
            self.containerID = containerID
            self.hostID = hostID
            self.size = size
        }

        package init(_ fields: SpecFields) throws {
            containerID = try fields.integer("containerID") ?? 0
            hostID = try fields.integer("hostID") ?? 0
            size = try fields.integer("size") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("containerID", containerID)
            out.put("hostID", hostID)
            out.put("size", size)
        }
    }

    /// Programs run by the runtime at fixed moments of a container's life.
    package struct Hooks: SpecValue {
        package var prestart: [Hook] = []
        package var createRuntime: [Hook] = []
        package var createContainer: [Hook] = []
        package var startContainer: [Hook] = []
        package var poststart: [Hook] = []
        package var poststop: [Hook] = []

        package init() {}

        package init(_ fields: SpecFields) throws {
            prestart = try fields.parts("prestart")
            createRuntime = try fields.parts("createRuntime")
            createContainer = try fields.parts("createContainer")
            startContainer = try fields.parts("startContainer")
            poststart = try fields.parts("poststart")
            poststop = try fields.parts("poststop")
        }

        package func write(to out: inout JSONObject) {
            out.put("prestart", parts: prestart)
            out.put("createRuntime", parts: createRuntime)
            out.put("createContainer", parts: createContainer)
            out.put("startContainer", parts: startContainer)
            out.put("poststart", parts: poststart)
            out.put("poststop", parts: poststop)
        }
    }

    package struct Hook: SpecValue {
        package var path: String
        package var args: [String] = []
        package var env: [String] = []
        package var timeout: Int64?

        package init(path: String) { self.path = path }

        package init(_ fields: SpecFields) throws {
            path = try fields.requiredString("path")
            args = try fields.strings("args")
            env = try fields.strings("env")
            timeout = try fields.integer("timeout")
        }

        package func write(to out: inout JSONObject) {
            out.put("path", path)
            out.put("args", args)
            out.put("env", env)
            out.put("timeout", timeout)
        }
    }
}
