// SPDX-License-Identifier: Apache-2.0
// The process of a container, or one executed in it: config.md#process.
package import JSON

extension RuntimeSpec {
    package struct Process: SpecValue {
        package var terminal = false
        package var consoleSize: ConsoleSize?
        package var cwd = "/"
        package var env: [String] = []
        package var args: [String] = []
        package var rlimits: [Rlimit] = []
        package var apparmorProfile: String?
        package var selinuxLabel: String?
        package var capabilities: Capabilities?
        package var noNewPrivileges = false
        package var oomScoreAdj: Int?
        package var ioPriority: IOPriority?
        package var scheduler: JSONValue?
        package var execCPUAffinity: JSONValue?
        package var user = User()

        package init() {}

        package init(_ fields: SpecFields) throws {
            terminal = try fields.bool("terminal") ?? false
            consoleSize = try fields.part("consoleSize")
            cwd = try fields.requiredString("cwd")
            env = try fields.strings("env")
            args = try fields.strings("args")
            rlimits = try fields.parts("rlimits")
            apparmorProfile = try fields.string("apparmorProfile")
            selinuxLabel = try fields.string("selinuxLabel")
            capabilities = try fields.part("capabilities")
            noNewPrivileges = try fields.bool("noNewPrivileges") ?? false
            oomScoreAdj = try fields.integer("oomScoreAdj")
            ioPriority = try fields.part("ioPriority")
            scheduler = fields.value("scheduler")
            execCPUAffinity = fields.value("execCPUAffinity")
            user = try fields.part("user") ?? User()
        }

        package func write(to out: inout JSONObject) {
            if terminal { out.put("terminal", true) }
            out.put("consoleSize", consoleSize)
            out.put("user", user)
            out.put("args", args)
            out.put("env", env)
            out.put("cwd", cwd)
            out.put("capabilities", capabilities)
            out.put("rlimits", parts: rlimits)
            if noNewPrivileges { out.put("noNewPrivileges", true) }
            out.put("apparmorProfile", apparmorProfile)
            out.put("oomScoreAdj", oomScoreAdj)
            out.put("selinuxLabel", selinuxLabel)
            out.put("ioPriority", ioPriority)
            if let scheduler { out["scheduler"] = scheduler }
            if let execCPUAffinity { out["execCPUAffinity"] = execCPUAffinity }
        }
    }

    package struct ConsoleSize: SpecValue {
        package var height: UInt16
        package var width: UInt16

        package init(height: UInt16, width: UInt16) {
            self.height = height
            self.width = width
        }

        package init(_ fields: SpecFields) throws {
            height = try fields.integer("height") ?? 0
            width = try fields.integer("width") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("height", height)
            out.put("width", width)
        }
    }

    /// Numeric identity inside the container; names are resolved before the spec is written.
    package struct User: SpecValue {
        package var uid: UInt32 = 0
        package var gid: UInt32 = 0
        package var umask: UInt32?
        package var additionalGids: [UInt32] = []

        package init(uid: UInt32 = 0, gid: UInt32 = 0, additionalGids: [UInt32] = []) {
            self.uid = uid
            self.gid = gid
            self.additionalGids = additionalGids
        }

        package init(_ fields: SpecFields) throws {
            uid = try fields.integer("uid") ?? 0
            gid = try fields.integer("gid") ?? 0
            umask = try fields.integer("umask")
            additionalGids = try fields.integers("additionalGids")
        }

        package func write(to out: inout JSONObject) {
            out.put("uid", uid)
            out.put("gid", gid)
            out.put("umask", umask)
            out.put("additionalGids", integers: additionalGids)
        }
    }

    /// Names as `CAP_CHOWN`.
    package struct Capabilities: SpecValue {
        package var bounding: [String] = []
        package var effective: [String] = []
        package var inheritable: [String] = []
        package var permitted: [String] = []
        package var ambient: [String] = []

        package init() {}

        package init(_ fields: SpecFields) throws {
            bounding = try fields.strings("bounding")
            effective = try fields.strings("effective")
            inheritable = try fields.strings("inheritable")
            permitted = try fields.strings("permitted")
            ambient = try fields.strings("ambient")
        }

        package func write(to out: inout JSONObject) {
            out.put("bounding", bounding)
            out.put("effective", effective)
            out.put("inheritable", inheritable)
            out.put("permitted", permitted)
            out.put("ambient", ambient)
        }
    }

    /// `type` as `RLIMIT_NOFILE`; 2^64-1 is "unlimited".
    package struct Rlimit: SpecValue {
        package var type: String
        package var hard: UInt64
        package var soft: UInt64

        package init(type: String, hard: UInt64, soft: UInt64) {
            self.type = type
            self.hard = hard
            self.soft = soft
        }

        package init(_ fields: SpecFields) throws {
            type = try fields.requiredString("type")
            hard = try fields.integer("hard") ?? 0
            soft = try fields.integer("soft") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("type", type)
            out.put("hard", hard)
            out.put("soft", soft)
        }
    }

    package struct IOPriority: SpecValue {
        package var `class`: String
        package var priority: Int

        package init(_ fields: SpecFields) throws {
            self.class = try fields.requiredString("class")
            priority = try fields.integer("priority") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("class", self.class)
            out.put("priority", priority)
        }
    }
}
