// SPDX-License-Identifier: Apache-2.0
// The resource flags of `run`, `create` and `update` as fields of HostConfig.
import DockerClient
import JSON
import Primitives

/// Outcome of reading a number: the number or the complaint.
struct Checked<Value> {
    var value: Value?
    var failure: String?
}

/// CPU, memory, block IO and process limits.
enum RunResources {
    /// `1.5` or `3/2` CPUs in billionths.
    static func nanoCPUs(_ text: String) -> Checked<Int64> {
        if text.isEmpty { return Checked(value: 0) }
        var number: Double?
        if let (top, bottom) = Text.cut(text, "/") {
            if let a = Double(top), let b = Double(bottom), b != 0 { number = a / b }
        } else {
            number = Double(text)
        }
        guard let number, number.isFinite else {
            return Checked(failure: "failed to parse \(text) as a rational number")
        }
        let nano = number * 1e9
        guard nano.magnitude < 9.2e18, nano == nano.rounded() || (nano - nano.rounded()).magnitude < 1e-3 else {
            return Checked(failure: "value is too precise")
        }
        return Checked(value: Int64(nano.rounded()))
    }

    /// `/dev/sda:1mb` of the `--device-*-bps` flags.
    static func throttle(_ text: String, isRate: Bool) throws -> JSONValue {
        guard let (path, amount) = Text.cut(text, ":"), !path.isEmpty else { throw CommandError("bad format: \(text)") }
        guard path.hasPrefix("/dev/") else { throw CommandError("bad format for device path: \(text)") }
        let rate: Int64
        if isRate {
            guard let bytes = try? ByteSize.parse(amount) else {
                throw CommandError(
                    "invalid rate for device: \(text). The correct format is <device-path>:<number>[<unit>]. "
                        + "Number must be a positive integer. Unit is optional and can be kb, mb, or gb")
            }
            rate = bytes
        } else {
            guard let number = Int64(amount), number >= 0 else {
                throw CommandError(
                    "invalid rate for device: \(text). The correct format is <device-path>:<number>. "
                        + "Number must be a positive integer")
            }
            rate = number
        }
        return ["Path": .string(path), "Rate": .int(rate)]
    }

    static func weightDevice(_ text: String) throws -> JSONValue {
        guard let (path, amount) = Text.cut(text, ":"), !path.isEmpty else { throw CommandError("bad format: \(text)") }
        guard path.hasPrefix("/dev/") else { throw CommandError("bad format for device path: \(text)") }
        guard let weight = Int64(amount), weight == 0 || (10...1000).contains(weight) else {
            throw CommandError("invalid weight for device: \(text)")
        }
        return ["Path": .string(path), "Weight": .int(weight)]
    }

    /// `nofile=1024:2048`
    static func ulimit(_ text: String) -> Checked<JSONValue> {
        guard let (name, limits) = Text.cut(text, "=") else {
            return Checked(failure: "invalid ulimit argument: \(text)")
        }
        let known = [
            "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
            "rttime", "sigpending", "stack",
        ]
        guard known.contains(name) else { return Checked(failure: "invalid ulimit type: \(name)") }
        let parts = Text.split(limits, ":")
        guard parts.count <= 2 else {
            return Checked(
                failure: "too many limit value arguments - \(limits), can only have up to two, `soft[:hard]`")
        }
        guard let soft = Int64(parts[0]), let hard = parts.count > 1 ? Int64(parts[1]) : soft else {
            let wrong = Int64(parts[0]) == nil ? parts[0] : parts[1]
            return Checked(failure: "strconv.ParseInt: parsing \(Quoted.go(wrong)): invalid syntax")
        }
        if hard != -1, soft == -1 || soft > hard {
            return Checked(
                failure: soft == -1
                    ? "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: \(hard)"
                    : "ulimit soft limit must be less than or equal to hard limit: \(soft) > \(hard)")
        }
        return Checked(value: ["Name": .string(name), "Hard": .int(hard), "Soft": .int(soft)])
    }

    /// The fields of HostConfig's embedded Resources.
    static func fields(_ flags: FlagValues, into host: inout JSONObject) throws {
        host["CpuShares"] = .int(flags.int("cpu-shares"))
        host["Memory"] = .int(flags.bytes("memory"))
        host["NanoCpus"] = .int(nanoCPUs(flags.string("cpus")).value ?? 0)
        host["CgroupParent"] = .string(flags.string("cgroup-parent"))
        host["BlkioWeight"] = .int(flags.int("blkio-weight"))
        host["BlkioWeightDevice"] = .array(try flags.list("blkio-weight-device").map { try weightDevice($0) })
        for (flag, key, isRate) in [
            ("device-read-bps", "BlkioDeviceReadBps", true), ("device-write-bps", "BlkioDeviceWriteBps", true),
            ("device-read-iops", "BlkioDeviceReadIOps", false), ("device-write-iops", "BlkioDeviceWriteIOps", false),
        ] {
            host[key] = .array(try flags.list(flag).map { try throttle($0, isRate: isRate) })
        }
        host["CpuPeriod"] = .int(flags.int("cpu-period"))
        host["CpuQuota"] = .int(flags.int("cpu-quota"))
        host["CpuRealtimePeriod"] = .int(flags.int("cpu-rt-period"))
        host["CpuRealtimeRuntime"] = .int(flags.int("cpu-rt-runtime"))
        host["CpusetCpus"] = .string(flags.string("cpuset-cpus"))
        host["CpusetMems"] = .string(flags.string("cpuset-mems"))
        host["MemoryReservation"] = .int(flags.bytes("memory-reservation"))
        host["MemorySwap"] = .int(flags.bytes("memory-swap"))
        let swappiness = flags.int("memory-swappiness")
        guard (-1...100).contains(swappiness) else {
            throw CommandError("invalid value: \(swappiness). Valid memory swappiness range is 0-100")
        }
        host["MemorySwappiness"] = .int(swappiness)
        host["OomKillDisable"] = .bool(flags.bool("oom-kill-disable"))
        host["PidsLimit"] = .int(flags.int("pids-limit"))
        host["Ulimits"] = .array(
            flags.list("ulimit").compactMap { ulimit($0).value }.sorted {
                ($0["Name"]?.string ?? "") < ($1["Name"]?.string ?? "")
            })
        host["CpuCount"] = .int(flags.int("cpu-count"))
        host["CpuPercent"] = .int(flags.int("cpu-percent"))
        host["IOMaximumIOps"] = .int(flags.int("io-maxiops"))
        host["IOMaximumBandwidth"] = .int(flags.bytes("io-maxbandwidth"))
    }
}
