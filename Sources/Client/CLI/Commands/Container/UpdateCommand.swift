// SPDX-License-Identifier: Apache-2.0
// `update`: other limits and another restart policy for containers that exist.
import DockerClient
import JSON

/// `apus update`.
enum UpdateCommand {
    static let flags: [Flag] = [
        Flag("blkio-weight", .uint16, "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
        Flag("cpu-period", .int, "Limit CPU CFS (Completely Fair Scheduler) period"),
        Flag("cpu-quota", .int, "Limit CPU CFS (Completely Fair Scheduler) quota"),
        Flag("cpu-rt-period", .int, "Limit the CPU real-time period in microseconds"),
        Flag("cpu-rt-runtime", .int, "Limit the CPU real-time runtime in microseconds"),
        Flag("cpu-shares", "c", .int, "CPU shares (relative weight)"),
        Flag("cpus", .decimal, "Number of CPUs"),
        Flag("cpuset-cpus", .string, "CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", .string, "MEMs in which to allow execution (0-3, 0,1)"),
        Flag("kernel-memory", .bytes, "Kernel memory limit (deprecated)", hidden: true),
        Flag("memory", "m", .bytes, "Memory limit"),
        Flag("memory-reservation", .bytes, "Memory soft limit"),
        Flag("memory-swap", .memorySwap, "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
        Flag("pids-limit", .int, "Tune container pids limit (set -1 for unlimited)"),
        Flag("restart", .string, "Restart policy to apply when a container exits"),
    ]

    static func run(_ call: Invocation) throws -> Int32 {
        guard flags.contains(where: { call.flags.isSet($0.name) }) else {
            throw CommandError("you must provide one or more flags when using this command")
        }
        let body = try request(call.flags)
        let client = try call.client()
        var warnings: [String] = []
        var failures: [String] = []
        for name in call.operands {
            do {
                let answer = try client.json(
                    "POST", "/containers/\(URLText.path(name))/update", body: .json(body))
                call.console.line(name)
                warnings += answer["Warnings"]?.strings ?? []
            } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                failures.append("\(error)")
            }
        }
        for warning in warnings { call.console.line(warning) }
        if failures.isEmpty { return 0 }
        throw CommandError(failures.joined(separator: "\n"))
    }

    /// Zero, empty and null fields leave a limit as it is.
    static func request(_ flags: FlagValues) throws -> JSONValue {
        let restart = try RestartText.policy(flags.string("restart"))
        var body = JSONObject()
        body["CpuShares"] = .int(flags.int("cpu-shares"))
        body["Memory"] = .int(flags.bytes("memory"))
        body["NanoCpus"] = .int(RunResources.nanoCPUs(flags.string("cpus")).value ?? 0)
        body["BlkioWeight"] = .int(flags.int("blkio-weight"))
        body["CpuPeriod"] = .int(flags.int("cpu-period"))
        body["CpuQuota"] = .int(flags.int("cpu-quota"))
        body["CpuRealtimePeriod"] = .int(flags.int("cpu-rt-period"))
        body["CpuRealtimeRuntime"] = .int(flags.int("cpu-rt-runtime"))
        body["CpusetCpus"] = .string(flags.string("cpuset-cpus"))
        body["CpusetMems"] = .string(flags.string("cpuset-mems"))
        if flags.bytes("kernel-memory") != 0 { body["KernelMemory"] = .int(flags.bytes("kernel-memory")) }
        body["MemoryReservation"] = .int(flags.bytes("memory-reservation"))
        body["MemorySwap"] = .int(flags.bytes("memory-swap"))
        body["PidsLimit"] = flags.int("pids-limit") == 0 ? .null : .int(flags.int("pids-limit"))
        body["RestartPolicy"] = restart
        return .object(body)
    }
}
