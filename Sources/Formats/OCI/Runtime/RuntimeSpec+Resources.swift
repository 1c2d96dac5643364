// SPDX-License-Identifier: Apache-2.0
// Limits of a container's control group: config-linux.md#control-groups.
package import JSON

extension RuntimeSpec {
    package struct Resources: SpecValue {
        package var devices: [DeviceRule] = []
        package var memory: Memory?
        package var cpu: CPU?
        package var pids: Pids?
        package var blockIO: BlockIO?
        package var hugepageLimits: [HugepageLimit] = []
        package var network: JSONValue?
        package var rdma: JSONValue?
        /// cgroup v2 files and their contents, written as they are.
        package var unified: StringMap = []

        package init() {}

        package init(_ fields: SpecFields) throws {
            devices = try fields.parts("devices")
            memory = try fields.part("memory")
            cpu = try fields.part("cpu")
            pids = try fields.part("pids")
            blockIO = try fields.part("blockIO")
            hugepageLimits = try fields.parts("hugepageLimits")
            network = fields.value("network")
            rdma = fields.value("rdma")
            unified = StringMap(try fields.stringMap("unified"))
        }

        package func write(to out: inout JSONObject) {
            out.put("devices", parts: devices)
            out.put("memory", memory)
            out.put("cpu", cpu)
            out.put("pids", pids)
            out.put("blockIO", blockIO)
            out.put("hugepageLimits", parts: hugepageLimits)
            if let network { out["network"] = network }
            if let rdma { out["rdma"] = rdma }
            out.put("unified", map: unified.pairs)
        }
    }

    /// One line of the device allow list; without a type all devices.
    package struct DeviceRule: SpecValue {
        package var allow: Bool
        package var type: String?
        package var major: Int64?
        package var minor: Int64?
        package var access: String?

        package init(allow: Bool, type: String? = nil, major: Int64? = nil, minor: Int64? = nil, access: String? = nil)
        {
            self.allow = allow
            self.type = type
            self.major = major
            self.minor = minor
            self.access = access
        }

        package init(_ fields: SpecFields) throws {
            allow = try fields.bool("allow") ?? false
            type = try fields.string("type")
            major = try fields.integer("major")
            minor = try fields.integer("minor")
            access = try fields.string("access")
        }

        package func write(to out: inout JSONObject) {
            out.put("allow", allow)
            out.put("type", type)
            out.put("major", major)
            out.put("minor", minor)
            out.put("access", access)
        }
    }

    /// Bytes; -1 is "unlimited".
    package struct Memory: SpecValue {
        package var limit: Int64?
        package var reservation: Int64?
        /// Memory and swap together.
        package var swap: Int64?
        package var kernel: Int64?
        package var kernelTCP: Int64?
        package var swappiness: UInt64?
        package var disableOOMKiller: Bool?
        package var useHierarchy: Bool?
        package var checkBeforeUpdate: Bool?

        package init() {}

        package init(_ fields: SpecFields) throws {
            limit = try fields.integer("limit")
            reservation = try fields.integer("reservation")
            swap = try fields.integer("swap")
            kernel = try fields.integer("kernel")
            kernelTCP = try fields.integer("kernelTCP")
            swappiness = try fields.integer("swappiness")
            disableOOMKiller = try fields.bool("disableOOMKiller")
            useHierarchy = try fields.bool("useHierarchy")
            checkBeforeUpdate = try fields.bool("checkBeforeUpdate")
        }

        package func write(to out: inout JSONObject) {
            out.put("limit", limit)
            out.put("reservation", reservation)
            out.put("swap", swap)
            out.put("kernel", kernel)
            out.put("kernelTCP", kernelTCP)
            out.put("swappiness", swappiness)
            out.put("disableOOMKiller", disableOOMKiller)
            out.put("useHierarchy", useHierarchy)
            out.put("checkBeforeUpdate", checkBeforeUpdate)
        }
    }

    package struct CPU: SpecValue {
        package var shares: UInt64?
        package var quota: Int64?
        package var burst: UInt64?
        package var period: UInt64?
        package var realtimeRuntime: Int64?
        package var realtimePeriod: UInt64?
        package var cpus: String?
        package var mems: String?
        package var idle: Int64?

        package init() {}

        package init(_ fields: SpecFields) throws {
            shares = try fields.integer("shares")
            quota = try fields.integer("quota")
            burst = try fields.integer("burst")
            period = try fields.integer("period")
            realtimeRuntime = try fields.integer("realtimeRuntime")
            realtimePeriod = try fields.integer("realtimePeriod")
            cpus = try fields.string("cpus").flatMap { $0.isEmpty ? nil : $0 }
            mems = try fields.string("mems").flatMap { $0.isEmpty ? nil : $0 }
            idle = try fields.integer("idle")
        }

        package func write(to out: inout JSONObject) {
            out.put("shares", shares)
            out.put("quota", quota)
            out.put("burst", burst)
            out.put("period", period)
            out.put("realtimeRuntime", realtimeRuntime)
            out.put("realtimePeriod", realtimePeriod)
            out.put("cpus", cpus)
            out.put("mems", mems)
            out.put("idle", idle)
        }
    }

    package struct Pids: SpecValue {
        package var limit: Int64?

        package init(limit: Int64?) { self.limit = limit }
        package init(_ fields: SpecFields) throws { limit = try fields.integer("limit") }
        package func write(to out: inout JSONObject) { out.put("limit", limit) }
    }

    package struct BlockIO: SpecValue {
        package var weight: UInt16?
        package var leafWeight: UInt16?
        package var weightDevice: [WeightDevice] = []
        package var throttleReadBpsDevice: [ThrottleDevice] = []
        package var throttleWriteBpsDevice: [ThrottleDevice] = []
        package var throttleReadIOPSDevice: [ThrottleDevice] = []
        package var throttleWriteIOPSDevice: [ThrottleDevice] = []

        package init() {}

        package init(_ fields: SpecFields) throws {
            weight = try fields.integer("weight")
            leafWeight = try fields.integer("leafWeight")
            weightDevice = try fields.parts("weightDevice")
            throttleReadBpsDevice = try fields.parts("throttleReadBpsDevice")
            throttleWriteBpsDevice = try fields.parts("throttleWriteBpsDevice")
            throttleReadIOPSDevice = try fields.parts("throttleReadIOPSDevice")
            throttleWriteIOPSDevice = try fields.parts("throttleWriteIOPSDevice")
        }

        package func write(to out: inout JSONObject) {
            out.put("weight", weight)
            out.put("leafWeight", leafWeight)
            out.put("weightDevice", parts: weightDevice)
            out.put("throttleReadBpsDevice", parts: throttleReadBpsDevice)
            out.put("throttleWriteBpsDevice", parts: throttleWriteBpsDevice)
            out.put("throttleReadIOPSDevice", parts: throttleReadIOPSDevice)
            out.put("throttleWriteIOPSDevice", parts: throttleWriteIOPSDevice)
        }
    }

    package struct WeightDevice: SpecValue {
        package var major: Int64
        package var minor: Int64
        package var weight: UInt16?

        package init(major: Int64, minor: Int64, weight: UInt16?) {
            self.major = major
            self.minor = minor
            self.weight = weight
        }

        package init(_ fields: SpecFields) throws {
            major = try fields.integer("major") ?? 0
            minor = try fields.integer("minor") ?? 0
            weight = try fields.integer("weight")
        }

        package func write(to out: inout JSONObject) {
            out.put("major", major)
            out.put("minor", minor)
            out.put("weight", weight)
        }
    }

    package struct ThrottleDevice: SpecValue {
        package var major: Int64
        package var minor: Int64
        package var rate: UInt64

        package init(major: Int64, minor: Int64, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }

        package init(_ fields: SpecFields) throws {
            major = try fields.integer("major") ?? 0
            minor = try fields.integer("minor") ?? 0
            rate = try fields.integer("rate") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("major", major)
            out.put("minor", minor)
            out.put("rate", rate)
        }
    }

    package struct HugepageLimit: SpecValue {
        package var pageSize: String
        package var limit: UInt64

        package init(pageSize: String, limit: UInt64) {
            self.pageSize = pageSize
            self.limit = limit
        }

        package init(_ fields: SpecFields) throws {
            pageSize = try fields.requiredString("pageSize")
            limit = try fields.integer("limit") ?? 0
        }

        package func write(to out: inout JSONObject) {
            out.put("pageSize", pageSize)
            out.put("limit", limit)
        }
    }
}
