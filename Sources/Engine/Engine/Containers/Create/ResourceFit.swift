// SPDX-License-Identifier: Apache-2.0
// Limits cut to what the kernel offers, each cut told as a warning in Docker's words.
import DockerAPI
import Primitives
import Tasks

/// Pure: a table of requests and kernels can test it.
enum ResourceFit {
    /// Takes away what this machine cannot limit and returns the warnings. What would change a container's meaning rather
    /// than weaken a limit is refused.
    static func fit(_ host: inout HostConfig, to support: CgroupSupport) throws(EngineError) -> [String] {
        var warnings: [String] = []
        fitMemory(&host, support, &warnings)
        try fitCPU(&host, support, &warnings)
        fitBlockIO(&host, support, &warnings)
        if let limit = host.pidsLimit, limit != 0, !support.pids {
            if limit > 0 { warnings.append(lacking("PIDs limit capabilities", "PIDs limit discarded.")) }
            host.pidsLimit = nil
        }
        return warnings
    }

    private static func lacking(_ what: String, _ consequence: String) -> String {
        "Your kernel does not support \(what) or the cgroup is not mounted. \(consequence)"
    }

    private static func fitMemory(_ host: inout HostConfig, _ support: CgroupSupport, _ warnings: inout [String]) {
        if host.memory > 0, !support.memory {
            warnings.append(lacking("memory limit capabilities", "Limitation discarded."))
            host.memory = 0
            host.memorySwap = -1
        }
        if host.memory > 0, host.memorySwap != -1, !support.swap {
            warnings.append(lacking("swap limit capabilities", "Memory limited without swap."))
            host.memorySwap = -1
        }
        if let swappiness = host.memorySwappiness, swappiness != -1, !support.swappiness {
            warnings.append(lacking("memory swappiness capabilities", "Memory swappiness discarded."))
            host.memorySwappiness = nil
        }
        if host.memoryReservation > 0, !support.memoryReservation {
            warnings.append(lacking("memory soft limit capabilities", "Limitation discarded."))
            host.memoryReservation = 0
        }
        guard let disable = host.oomKillDisable else { return }
        if !support.oomKillDisable {
            if disable { warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.") }
            host.oomKillDisable = nil
        } else if disable, host.memory == 0 {
            warnings.append(
                "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
                    + "running out of resources.")
        }
    }

    private static func fitCPU(
        _ host: inout HostConfig, _ support: CgroupSupport, _ warnings: inout [String]
    ) throws(EngineError) {
        if host.nanoCpus > 0, !support.cpuQuota {
            throw .invalidArgument(
                "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted"
            )
        }
        if host.cpuRealtimePeriod > 0 || host.cpuRealtimeRuntime != 0, !support.cpuRealtime {
            throw .invalidArgument("Your kernel does not support CPU realtime scheduler")
        }
        if host.cpuRealtimePeriod != 0, host.cpuRealtimeRuntime > host.cpuRealtimePeriod {
            throw .invalidArgument("cpu real-time runtime cannot be higher than cpu real-time period")
        }
        if host.cpuShares > 0, !support.cpuShares {
            warnings.append(lacking("CPU shares", "Shares discarded."))
            host.cpuShares = 0
        }
        if host.cpuPeriod != 0 || host.cpuQuota != 0, !support.cpuQuota {
            warnings.append("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.")
            host.cpuPeriod = 0
            host.cpuQuota = 0
        }
        if !host.cpusetCpus.isEmpty || !host.cpusetMems.isEmpty, !support.cpuset {
            warnings.append(lacking("cpuset", "Cpuset discarded."))
            host.cpusetCpus = ""
            host.cpusetMems = ""
        }
    }

    private static func fitBlockIO(_ host: inout HostConfig, _ support: CgroupSupport, _ warnings: inout [String]) {
        if host.blkioWeight > 0, !support.blkioWeight {
            warnings.append(lacking("Block I/O weight", "Weight discarded."))
            host.blkioWeight = 0
        }
        if host.blkioWeightDevice?.isEmpty == false, !support.blkioWeightDevice {
            warnings.append(lacking("Block I/O weight_device", "Weight-device discarded."))
            host.blkioWeightDevice = nil
        }
        guard !support.blkioThrottle else { return }
        let throttles: [(WritableKeyPath<HostConfig, [ThrottleDevice]?>, String, String)] = [
            (\.blkioDeviceReadBps, "BPS", "read"), (\.blkioDeviceWriteBps, "BPS", "write"),
            (\.blkioDeviceReadIOps, "IOPS", "read"), (\.blkioDeviceWriteIOps, "IOPS", "write"),
        ]
        for (path, unit, direction) in throttles where host[keyPath: path]?.isEmpty == false {
            warnings.append(
                lacking(
                    "\(unit) Block I/O \(direction) limit",
                    "Block I/O \(unit) \(direction) limit discarded."))
            host[keyPath: path] = nil
        }
    }
}
