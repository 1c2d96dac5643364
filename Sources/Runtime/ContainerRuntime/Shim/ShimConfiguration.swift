// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the shim: its command line and shim.json.
package import JSON
import Linux
import OCI

/// The shim's command line.
package struct ShimOptions: Sendable, Equatable {
    package var bundle = ""
    package var runFolder = ""
    package var netnsDescriptor: Int32?
    package var seccompCache: String?

    /// `--name value` and `--name=value`.
    package init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = parts.first, let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                throw RuntimeError(.invalid, "\(argument) needs a value")
            }
            switch name {
            case "--bundle": bundle = value
            case "--run-dir": runFolder = value
            case "--netns-fd":
                guard let fd = Int32(value), fd > 2 else {
                    throw RuntimeError(.invalid, "--netns-fd: not a descriptor")
                }
                netnsDescriptor = fd
            case "--seccomp-cache": seccompCache = value
            default: throw RuntimeError(.invalid, "unknown option \(name)")
            }
        }
        guard !bundle.isEmpty, !runFolder.isEmpty else {
            throw RuntimeError(.invalid, "--bundle and --run-dir are required")
        }
    }
}

/// `<run-dir>/shim.json`.
package struct ShimConfiguration: Sendable, Equatable {
    package var id: String
    package var root: RootSource
    /// The owners in the root's layers are the container's own users.
    package var mapsRoot: Bool
    package var tty: Bool
    package var openStdin: Bool
    package var stdinOnce: Bool
    package var usesInit: Bool
    package var oomEvents: Bool
    package var logPath: String?
    package var logMaxSize: Int64
    package var logMaxFile: Int
    /// The runtime that makes the container; nil: this program does.
    package var foreign: ForeignProgram?
    /// What other runtimes get as the container's init.
    package var initProgram: String?

    package init(json: JSONValue) throws {
        guard let id = json["id"]?.string else { throw RuntimeError(.invalid, "shim.json: id is missing") }
        self.id = id
        root = try RootSource(json: json["rootfs"])
        mapsRoot = json["rootfs"]?["mapped"]?.bool ?? false
        tty = json["tty"]?.bool ?? false
        openStdin = json["openStdin"]?.bool ?? false
        stdinOnce = json["stdinOnce"]?.bool ?? false
        usesInit = json["init"]?.bool ?? false
        oomEvents = json["oomEvents"]?.bool ?? false
        let log = json["log"]
        switch log?["driver"]?.string {
        case "json-file":
            guard let path = log?["path"]?.string else {
                throw RuntimeError(.invalid, "shim.json: log.path is missing")
            }
            logPath = path
        case nil, "none": logPath = nil
        case let driver?: throw RuntimeError(.invalid, "log driver \(driver) is not supported yet")
        }
        logMaxSize = log?["maxSize"]?.int ?? -1
        logMaxFile = Int(clamping: log?["maxFile"]?.int ?? 1)
        initProgram = json["initProgram"]?.string
        if let runtime = json["runtime"], !runtime.isNull {
            guard let name = runtime["name"]?.string, let path = runtime["path"]?.string, path.hasPrefix("/") else {
                throw RuntimeError(.invalid, "shim.json: runtime needs a name and a path")
            }
            foreign = ForeignProgram(name: name, path: path, arguments: runtime["args"]?.strings ?? [])
        }
    }
}

extension ContainerPlan {
    /// Reads a bundle. The filter is taken out of the document first: with a compiled one at hand it is never parsed.
    init(id: String, bundle: String, seccompCache: String?, compilesFilter: Bool = true) throws {
        var json = try doing("config.json") { try JSONValue.parse(try TextFile.bytes(bundle + "/config.json")) }
        var filter: JSONValue?
        if var document = json.object, var linux = document["linux"]?.object, let seccomp = linux["seccomp"],
            !seccomp.isNull
        {
            filter = seccomp
            linux["seccomp"] = nil
            document["linux"] = .object(linux)
            json = .object(document)
        }
        do {
            try self.init(id: id, bundle: bundle, spec: try RuntimeSpec(json: json))
        } catch let error as SpecError {
            throw RuntimeError(.invalid, error.message)
        }
        if let filter {
            listener = try SeccompProgram.listener(filter)
            if compilesFilter { seccomp = try SeccompProgram.cached(filter, folder: seccompCache) }
        }
        if let path = linux.cgroupsPath, !path.isEmpty {
            guard !path.contains(":") else {
                throw RuntimeError(.invalid, "the systemd cgroup driver is not supported yet: cgroupsPath \(path)")
            }
            cgroup = ControlGroup(layout: try CgroupLayout.detect(), path: path)
        }
    }
}
