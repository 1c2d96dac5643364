// SPDX-License-Identifier: Apache-2.0
// update: other limits for a container that runs.
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    func update() throws {
        let container = try saved()
        guard container.isAlive else { throw RuntimeError(.invalid, "container not running") }
        guard let group = try container.plan().cgroup else {
            throw RuntimeError(.invalid, "the container has no control group")
        }
        if arguments["l3-cache-schema"] != nil {
            throw RuntimeError(.invalid, "Intel RDT/CAT: l3 cache schema is not enabled")
        }
        if arguments["mem-bw-schema"] != nil {
            throw RuntimeError(.invalid, "Intel RDT/MBA: memory bandwidth schema is not enabled")
        }
        var resources: RuntimeSpec.Resources
        if let path = arguments["resources"] {
            let json = try JSONValue.parse(try TextFile.bytes(path == "-" ? "/dev/stdin" : path))
            resources = try RuntimeSpec.Resources(json: json, path: "resources")
        } else {
            resources = try resourcesFromFlags()
        }
        if resources.memory?.kernel != nil || resources.memory?.kernelTCP != nil {
            log.warn("Kernel memory settings are ignored and will be removed")
            resources.memory?.kernel = nil
            resources.memory?.kernelTCP = nil
        }
        resources.devices = []  // the device rules of a running container stay
        let limits = CgroupLimits(group)
        if resources.memory?.checkBeforeUpdate == true { try limits.requireRoom(resources.memory) }
        try limits.apply(resources, isNew: false)
    }

    private func resourcesFromFlags() throws -> RuntimeSpec.Resources {
        var resources = RuntimeSpec.Resources()
        var cpu = RuntimeSpec.CPU()
        cpu.cpus = arguments["cpuset-cpus"].flatMap { $0.isEmpty ? nil : $0 }
        cpu.mems = arguments["cpuset-mems"].flatMap { $0.isEmpty ? nil : $0 }
        cpu.idle = try integer("cpu-idle")
        cpu.burst = try integer("cpu-burst")
        cpu.period = try integer("cpu-period")
        cpu.realtimePeriod = try integer("cpu-rt-period")
        cpu.shares = try integer("cpu-share")
        cpu.quota = try integer("cpu-quota")
        cpu.realtimeRuntime = try integer("cpu-rt-runtime")
        resources.cpu = cpu
        var memory = RuntimeSpec.Memory()
        memory.limit = try size("memory")
        memory.swap = try size("memory-swap")
        memory.kernel = try size("kernel-memory")
        memory.kernelTCP = try size("kernel-memory-tcp")
        memory.reservation = try size("memory-reservation")
        resources.memory = memory
        if let limit: Int64 = try integer("pids-limit") { resources.pids = RuntimeSpec.Pids(limit: limit) }
        if let weight: UInt16 = try integer("blkio-weight"), weight != 0 {
            resources.blockIO = try RuntimeSpec.BlockIO(json: ["weight": .int(Int64(weight))])
        }
        return resources
    }

    private func integer<T: FixedWidthInteger>(_ flag: String) throws -> T? {
        guard let text = arguments[flag], !text.isEmpty else { return nil }
        guard let number = T(text, radix: 10) else {
            throw RuntimeError(.invalid, "invalid value for \(flag): \(text)")
        }
        return number
    }

    /// Bytes with an optional unit, counted in 1024s.
    private func size(_ flag: String) throws -> Int64? {
        guard let text = arguments[flag], !text.isEmpty else { return nil }
        if text == "-1" { return -1 }
        let lower = text.lowercased()
        let digits = lower.prefix { $0.isNumber || $0 == "." }
        var unit = lower.dropFirst(digits.count).filter { $0 != " " }
        if unit.hasSuffix("b") { unit = String(unit.dropLast()) }
        if unit.hasSuffix("i") { unit = String(unit.dropLast()) }
        guard let power = ["", "k", "m", "g", "t", "p"].firstIndex(of: unit), let number = Double(digits) else {
            throw RuntimeError(.invalid, "invalid value for \(flag): invalid size: '\(text)'")
        }
        let bytes = (0..<power).reduce(number) { value, _ in value * 1024 }
        guard bytes < 9.2e18 else { throw RuntimeError(.invalid, "invalid value for \(flag): invalid size: '\(text)'") }
        return Int64(bytes)
    }
}

extension CgroupLimits {
    /// A limit below what is used would end the container: `checkBeforeUpdate`.
    func requireRoom(_ memory: RuntimeSpec.Memory?) throws {
        guard let memory, let folder = group.folder("memory") else { return }
        func number(_ file: String) -> Int64 {
            // A figure that this kernel does not have limits nothing.
            Int64(((try? TextFile.text("\(folder)/\(file)")) ?? "").filter(\.isNumber)) ?? 0
        }
        let used = number(group.layout.isUnified ? "memory.current" : "memory.usage_in_bytes")
        if let limit = memory.limit, limit > 0, used > limit {
            throw RuntimeError(.invalid, "rejecting memory limit \(limit): it is below the current usage \(used)")
        }
        let swapped =
            group.layout.isUnified ? used + number("memory.swap.current") : number("memory.memsw.usage_in_bytes")
        if let swap = memory.swap, swap > 0, swapped > swap {
            throw RuntimeError(
                .invalid, "rejecting memory+swap limit \(swap): it is below the current usage \(swapped)")
        }
    }
}
