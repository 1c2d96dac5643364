// SPDX-License-Identifier: Apache-2.0
// events: figures of a container's control group and its out-of-memory notices, a JSON object a line.
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    func events() throws {
        let container = try saved()
        let status = container.status()
        guard status != "stopped" else {
            throw RuntimeError(.invalid, "container with id \(container.id) is not running")
        }
        guard let group = try container.plan().cgroup else {
            throw RuntimeError(.invalid, "the container has no control group")
        }
        let figures = CgroupFigures(group: group)
        if arguments.has("stats") { return emit("stats", container.id, figures.json) }
        let interval = try Self.milliseconds(arguments["interval"] ?? "5s")
        guard interval > 0 else {
            throw RuntimeError(.invalid, "duration interval must be greater than 0")
        }
        var kills = group.oomKills()
        while container.isAlive {
            emit("stats", container.id, figures.json)
            var waited = 0
            while waited < interval, container.isAlive {
                let step = min(100, interval - waited)
                usleep(UInt32(step) * 1000)
                waited += step
                let now = group.oomKills()
                if now > kills { emit("oom", container.id, nil) }
                kills = now
            }
        }
    }

    private func emit(_ type: String, _ id: String, _ data: JSONValue?) {
        var json: JSONObject = ["type": .string(type), "id": .string(id)]
        if let data { json["data"] = data }
        print(JSONValue.object(json).text())
        fflush(nil)
    }

    /// Go's durations: `100ms`, `5s`, `1m30s`.
    private static func milliseconds(_ text: String) throws -> Int {
        var rest = text[...]
        var total = 0.0
        let wrong = RuntimeError(.invalid, "invalid duration \"\(text)\"")
        guard !rest.isEmpty else { throw wrong }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isNumber || $0 == "." || $0 == "-" }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            let factors = ["ms": 1.0, "s": 1000, "m": 60_000, "h": 3_600_000, "us": 0.001, "ns": 0.000_001]
            guard let number = Double(digits), let factor = factors[String(unit)] else { throw wrong }
            total += number * factor
        }
        return Int(min(total, 1e12))
    }
}

/// What a control group counts, in runc's shape.
struct CgroupFigures {
    let group: ControlGroup

    var json: JSONValue {
        ["cpu": cpu, "memory": memory, "pids": pids, "blkio": [:], "hugetlb": [:], "intel_rdt": [:]]
    }

    /// A figure that this kernel does not have counts nothing.
    private func text(_ controller: String, _ file: String) -> String {
        guard let folder = group.folder(controller) else { return "" }
        return (try? TextFile.text("\(folder)/\(file)")) ?? ""
    }

    private func number(_ controller: String, _ file: String) -> Int64 {
        Int64(text(controller, file).filter { !$0.isWhitespace }) ?? 0
    }

    private func table(_ controller: String, _ file: String) -> JSONObject {
        var json = JSONObject()
        for line in text(controller, file).split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = Int64(fields[1]) { json[String(fields[0])] = .int(value) }
        }
        return json
    }

    private var cpu: JSONValue {
        if group.layout.isUnified {
            let stat = table("cpu", "cpu.stat")
            let figure = { (key: String) in JSONValue.int((stat[key]?.int ?? 0) * 1000) }
            return [
                "usage": ["total": figure("usage_usec"), "kernel": figure("system_usec"), "user": figure("user_usec")],
                "throttling": [
                    "periods": stat["nr_periods"] ?? 0, "throttledPeriods": stat["nr_throttled"] ?? 0,
                    "throttledTime": figure("throttled_usec"),
                ],
            ]
        }
        let stat = table("cpu", "cpu.stat")
        let each = text("cpuacct", "cpuacct.usage_percpu").split(separator: " ").compactMap { Int64($0) }
        return [
            "usage": [
                "total": .int(number("cpuacct", "cpuacct.usage")), "percpu": .array(each.map { .int($0) }),
                "kernel": .int(number("cpuacct", "cpuacct.usage_sys")),
                "user": .int(number("cpuacct", "cpuacct.usage_user")),
            ],
            "throttling": [
                "periods": stat["nr_periods"] ?? 0, "throttledPeriods": stat["nr_throttled"] ?? 0,
                "throttledTime": stat["throttled_time"] ?? 0,
            ],
        ]
    }

    private var memory: JSONValue {
        let raw = table("memory", "memory.stat")
        if group.layout.isUnified {
            return [
                "usage": [
                    "usage": .int(number("memory", "memory.current")), "limit": .int(number("memory", "memory.max")),
                    "max": .int(number("memory", "memory.peak")), "failcnt": 0,
                ],
                "cache": raw["file"] ?? 0, "raw": .object(raw),
            ]
        }
        let entry = { (kind: String) -> JSONValue in
            [
                "limit": .int(number("memory", "memory.\(kind)limit_in_bytes")),
                "usage": .int(number("memory", "memory.\(kind)usage_in_bytes")),
                "max": .int(number("memory", "memory.\(kind)max_usage_in_bytes")),
                "failcnt": .int(number("memory", "memory.\(kind)failcnt")),
            ]
        }
        return [
            "usage": entry(""), "swap": entry("memsw."), "kernel": entry("kmem."), "kernelTCP": entry("kmem.tcp."),
            "cache": raw["cache"] ?? 0, "raw": .object(raw),
        ]
    }

    private var pids: JSONValue {
        ["current": .int(number("pids", "pids.current")), "limit": .int(number("pids", "pids.max"))]
    }
}
