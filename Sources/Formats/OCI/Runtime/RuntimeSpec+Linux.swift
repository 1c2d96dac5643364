// SPDX-License-Identifier: Apache-2.0
// The Linux part of config.json: config-linux.md.
package import JSON

extension RuntimeSpec {
    package struct Linux: SpecValue {
        package var uidMappings: [IDMapping] = []
        package var gidMappings: [IDMapping] = []
        package var sysctl: StringMap = []
        package var resources: Resources?
        package var cgroupsPath: String?
        package var namespaces: [Namespace] = []
        package var devices: [Device] = []
        package var seccomp: Seccomp?
        package var rootfsPropagation: String?
        package var maskedPaths: [String] = []
        package var readonlyPaths: [String] = []
        package var mountLabel: String?
        package var intelRdt: JSONValue?
        package var personality: Personality?
        package var timeOffsets: JSONValue?
        package var memoryPolicy: JSONValue?
        package var netDevices: JSONValue?

        package init() {}

        package init(_ fields: SpecFields) throws {
            uidMappings = try fields.parts("uidMappings")
            gidMappings = try fields.parts("gidMappings")
            sysctl = StringMap(try fields.stringMap("sysctl"))
            resources = try fields.part("resources")
            cgroupsPath = try fields.string("cgroupsPath")
            namespaces = try fields.parts("namespaces")
            devices = try fields.parts("devices")
            seccomp = try fields.part("seccomp")
            rootfsPropagation = try fields.string("rootfsPropagation")
            maskedPaths = try fields.strings("maskedPaths")
            readonlyPaths = try fields.strings("readonlyPaths")
            mountLabel = try fields.string("mountLabel")
            intelRdt = fields.value("intelRdt")
            personality = try fields.part("personality")
            timeOffsets = fields.value("timeOffsets")
            memoryPolicy = fields.value("memoryPolicy")
            netDevices = fields.value("netDevices")
        }

        package func write(to out: inout JSONObject) {
            out.put("uidMappings", parts: uidMappings)
            out.put("gidMappings", parts: gidMappings)
            out.put("sysctl", map: sysctl.pairs)
            out.put("resources", resources)
            out.put("cgroupsPath", cgroupsPath)
            out.put("namespaces", parts: namespaces)
            out.put("devices", parts: devices)
            out.put("seccomp", seccomp)
            out.put("rootfsPropagation", rootfsPropagation)
            out.put("maskedPaths", maskedPaths)
            out.put("readonlyPaths", readonlyPaths)
            out.put("mountLabel", mountLabel)
            if let intelRdt { out["intelRdt"] = intelRdt }
            out.put("personality", personality)
            if let timeOffsets { out["timeOffsets"] = timeOffsets }
            if let memoryPolicy { out["memoryPolicy"] = memoryPolicy }
            if let netDevices { out["netDevices"] = netDevices }
        }

        /// The entry of one kind: a new namespace, or with a path one to join. Absent means the runtime's own.
        package func namespace(_ kind: Namespace.Kind) -> Namespace? { namespaces.first { $0.kind == kind } }
    }

    package struct Namespace: SpecValue {
        package enum Kind: String, Sendable, CaseIterable {
            case pid, network, mount, ipc, uts, user, cgroup, time
        }

        package var kind: Kind
        package var path: String?

        package init(_ kind: Kind, path: String? = nil) {
            self.kind = kind
            self.path = path
        }

        package init(_ fields: SpecFields) throws {
            let type = try fields.requiredString("type")
            guard let kind = Kind(rawValue: type) else {
                throw SpecError("\(fields.path).type: unknown namespace \(type)")
            }
            self.kind = kind
            path = try fields.string("path").flatMap { $0.isEmpty ? nil : $0 }
        }

        package func write(to out: inout JSONObject) {
            out.put("type", kind.rawValue)
            out.put("path", path)
        }
    }

    /// A device node made in the container; type is `c`, `b`, `u` or `p`.
    package struct Device: SpecValue {
        package var path: String
        package var type: String
        package var major: Int64?
        package var minor: Int64?
        package var fileMode: UInt32?
        package var uid: UInt32?
        package var gid: UInt32?

        package init(path: String, type: String, major: Int64?, minor: Int64?) {
            self.path = path
            self.type = type
            self.major = major
            self.minor = minor
        }

        package init(_ fields: SpecFields) throws {
            path = try fields.requiredString("path")
            type = try fields.requiredString("type")
            major = try fields.integer("major")
            minor = try fields.integer("minor")
            fileMode = try fields.integer("fileMode")
            uid = try fields.integer("uid")
            gid = try fields.integer("gid")
        }

        package func write(to out: inout JSONObject) {
            out.put("path", path)
            out.put("type", type)
            out.put("major", major)
            out.put("minor", minor)
            out.put("fileMode", fileMode)
            out.put("uid", uid)
            out.put("gid", gid)
        }
    }

    package struct Personality: SpecValue {
        package var domain: String
        package var flags: [String] = []

        package init(_ fields: SpecFields) throws {
            domain = try fields.requiredString("domain")
            flags = try fields.strings("flags")
        }

        package func write(to out: inout JSONObject) {
            out.put("domain", domain)
            out.put("flags", flags)
        }
    }

    /// A system call filter: config-linux.md#seccomp.
    package struct Seccomp: SpecValue {
        package var defaultAction: String
        package var defaultErrnoRet: UInt32?
        package var architectures: [String] = []
        package var flags: [String] = []
        package var listenerPath: String?
        package var listenerMetadata: String?
        package var syscalls: [Rule] = []

        package init(defaultAction: String) { self.defaultAction = defaultAction }

        package init(_ fields: SpecFields) throws {
            defaultAction = try fields.requiredString("defaultAction")
            defaultErrnoRet = try fields.integer("defaultErrnoRet")
            architectures = try fields.strings("architectures")
            flags = try fields.strings("flags")
            listenerPath = try fields.string("listenerPath")
            listenerMetadata = try fields.string("listenerMetadata")
            syscalls = try fields.parts("syscalls")
        }

        package func write(to out: inout JSONObject) {
            out.put("defaultAction", defaultAction)
            out.put("defaultErrnoRet", defaultErrnoRet)
            out.put("architectures", architectures)
            out.put("flags", flags)
            out.put("listenerPath", listenerPath)
            out.put("listenerMetadata", listenerMetadata)
            out.put("syscalls", parts: syscalls)
        }

        package struct Rule: SpecValue {
            package var names: [String]
            package var action: String
            package var errnoRet: UInt32?
            package var args: [Argument] = []

            package init(names: [String], action: String, errnoRet: UInt32? = nil, args: [Argument] = []) {
                self.names = names
                self.action = action
                self.errnoRet = errnoRet
                self.args = args
            }

            package init(_ fields: SpecFields) throws {
                names = try fields.strings("names")
                action = try fields.requiredString("action")
                errnoRet = try fields.integer("errnoRet")
                args = try fields.parts("args")
            }

            package func write(to out: inout JSONObject) {
                out.put("names", names)
                out.put("action", action)
                out.put("errnoRet", errnoRet)
                out.put("args", parts: args)
            }
        }

        package struct Argument: SpecValue {
            package var index: UInt32
            package var value: UInt64
            package var valueTwo: UInt64?
            package var op: String

            package init(index: UInt32, value: UInt64, valueTwo: UInt64? = nil, op: String) {
                self.index = index
                self.value = value
                self.valueTwo = valueTwo
                self.op = op
            }

            package init(_ fields: SpecFields) throws {
                index = try fields.integer("index") ?? 0
                value = try fields.integer("value") ?? 0
                valueTwo = try fields.integer("valueTwo")
                op = try fields.requiredString("op")
            }

            package func write(to out: inout JSONObject) {
                out.put("index", index)
                out.put("value", value)
                out.put("valueTwo", valueTwo)
                out.put("op", op)
            }
        }
    }
}
