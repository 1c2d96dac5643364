// SPDX-License-Identifier: Apache-2.0
// Figures of the engine and its process in Prometheus' text format, under dockerd's names.
import DockerAPI
import Glibc
import Primitives

/// What `/metrics` on `--metrics-addr` tells.
package struct MetricsService: Sendable {
    let system: SystemService
    private let startedAt = Timestamp.now()

    init(system: SystemService) { self.system = system }

    /// The exposition format 0.0.4: one sample a line, types before their samples.
    package func text() async throws -> String {
        let info = try await system.info()
        var out = Exposition()
        out.gauge(
            "engine_daemon_container_states_containers", "The count of containers in various states",
            [
                (["state": "paused"], Double(info.containersPaused)),
                (["state": "running"], Double(info.containersRunning)),
                (["state": "stopped"], Double(info.containersStopped)),
            ])
        out.gauge(
            "engine_daemon_engine_cpus_cpus", "The number of cpus that the host system of the engine has",
            [([:], Double(info.ncpu))])
        out.gauge(
            "engine_daemon_engine_info", "The information related to the engine and the OS it is running on",
            [
                (
                    [
                        "architecture": info.architecture, "commit": Build.commit, "daemon_id": info.id,
                        "graphdriver": info.driver, "kernel": info.kernelVersion, "os": info.operatingSystem,
                        "os_type": info.osType, "os_version": info.osVersion, "version": info.serverVersion,
                    ], 1
                )
            ])
        out.gauge(
            "engine_daemon_engine_memory_bytes", "The number of bytes of memory that the host system of the engine has",
            [([:], Double(info.memTotal))])
        out.gauge(
            "engine_daemon_events_subscribers_total", "The number of current subscribers to events",
            [([:], Double(info.neventsListener))])
        appendProcess(to: &out)
        return out.text
    }

    private func appendProcess(to out: inout Exposition) {
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        out.counter(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
            seconds(usage.ru_utime) + seconds(usage.ru_stime))
        out.gauge(
            "process_open_fds", "Number of open file descriptors.",
            [([:], Double(MachineInformation.current.openDescriptors()))])
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        out.gauge("process_max_fds", "Maximum number of open file descriptors.", [([:], Double(limit.rlim_cur))])
        // Size and resident set, in pages: proc_pid_statm(5).
        let pages = (Files.readNow("/proc/self/statm") ?? "").split(separator: " ").prefix(2).compactMap { Double($0) }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        if pages.count == 2 {
            out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", [([:], pages[1] * page)])
            out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", [([:], pages[0] * page)])
        }
        out.gauge(
            "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
            [([:], Double(startedAt.unixNanoseconds) / 1e9)])
    }
}

/// Builds a document of samples.
struct Exposition {
    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ samples: [([String: String], Double)]) {
        append(name, help, "gauge", samples)
    }

    mutating func counter(_ name: String, _ help: String, _ value: Double) {
        append(name, help, "counter", [([:], value)])
    }

    private mutating func append(
        _ name: String, _ help: String, _ type: String, _ samples: [([String: String], Double)]
    ) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (labels, value) in samples {
            let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            let number = value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
            text += name + (pairs.isEmpty ? "" : "{" + pairs.joined(separator: ",") + "}") + " \(number)\n"
        }
    }

    /// Backslash, quote and line feed are all that the format escapes.
    static func escaped(_ value: String) -> String {
        var out = ""
        for character in value {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
        return out
    }
}
