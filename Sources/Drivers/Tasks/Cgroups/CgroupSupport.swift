// SPDX-License-Identifier: Apache-2.0
// Which limits the control groups of this machine can hold.
import Glibc
package import Linux

/// One flag per limit of Docker's API that a kernel may lack. Found once, at start.
package struct CgroupSupport: Sendable, Equatable {
    package var memory = true
    package var swap = true
    package var memoryReservation = true
    package var swappiness = true
    package var oomKillDisable = true
    package var cpuShares = true
    package var cpuQuota = true
    package var cpuRealtime = true
    package var cpuset = true
    package var pids = true
    package var blkioWeight = true
    package var blkioWeightDevice = true
    package var blkioThrottle = true

    /// Everything: what tests of other things want.
    package init() {}

    /// What the mounted hierarchies offer; nothing where there are none. `folder` is the one of version 2 to look at below
    /// the root, for who was given that alone.
    package init(_ layout: CgroupLayout?, below folder: String = "") {
        self.init()
        if let layout, layout.isUnified, let root = layout.unified {
            readUnified(root + folder)
            return
        }
        func has(_ controller: String, _ file: String) -> Bool {
            layout?.mountPoint(of: controller).map { access("\($0)/\(file)", F_OK) == 0 } ?? false
        }
        memory = has("memory", "memory.limit_in_bytes")
        swap = has("memory", "memory.memsw.limit_in_bytes")
        memoryReservation = has("memory", "memory.soft_limit_in_bytes")
        swappiness = has("memory", "memory.swappiness")
        oomKillDisable = has("memory", "memory.oom_control")
        cpuShares = has("cpu", "cpu.shares")
        cpuQuota = has("cpu", "cpu.cfs_quota_us")
        cpuRealtime = has("cpu", "cpu.rt_runtime_us")
        cpuset = has("cpuset", "cpuset.cpus")
        pids = layout?.mountPoint(of: "pids") != nil
        blkioWeight = has("blkio", "blkio.weight") || has("blkio", "blkio.bfq.weight")
        blkioWeightDevice = has("blkio", "blkio.weight_device") || has("blkio", "blkio.bfq.weight_device")
        blkioThrottle = has("blkio", "blkio.throttle.read_bps_device")
    }

    /// Version 2: a controller brings its files; the root group has none of them to look at.
    private mutating func readUnified(_ root: String) {
        let text = (try? TextFile.text(root + "/cgroup.controllers")) ?? ""
        let controllers = Set(text.split(whereSeparator: \.isWhitespace))
        memory = controllers.contains("memory")
        swap = memory && access("/proc/swaps", F_OK) == 0
        memoryReservation = memory
        swappiness = false
        oomKillDisable = false
        cpuShares = controllers.contains("cpu")
        cpuQuota = cpuShares
        cpuRealtime = false
        cpuset = controllers.contains("cpuset")
        pids = controllers.contains("pids")
        blkioWeight = controllers.contains("io")
        blkioWeightDevice = blkioWeight
        blkioThrottle = blkioWeight
    }
}
