// SPDX-License-Identifier: Apache-2.0
// Readings of a container's cgroup, the same for both versions.
package import Primitives

/// One reading of all controllers. Times are in nanoseconds; what the kernel does not tell is nil or empty.
package struct TaskStatistics: Sendable, Equatable {
    package struct CPU: Sendable, Equatable {
        package var totalUsage: UInt64 = 0
        package var kernelUsage: UInt64 = 0
        package var userUsage: UInt64 = 0
        /// v1 only.
        package var perCPUUsage: [UInt64] = []
        package var periods: UInt64 = 0
        package var throttledPeriods: UInt64 = 0
        package var throttledTime: UInt64 = 0
        /// CPU time of the whole machine, from /proc/stat.
        package var systemUsage: UInt64 = 0
        package var onlineCPUs = 0
    }

    package struct Memory: Sendable, Equatable {
        package var usage: UInt64 = 0
        /// v1 only.
        package var maximumUsage: UInt64?
        package var failures: UInt64?
        /// The limit, or the machine's memory when there is none.
        package var limit: UInt64 = 0
        /// memory.stat, in the kernel's words and order.
        package var details: [(key: String, value: UInt64)] = []

        package static func == (left: Memory, right: Memory) -> Bool {
            left.usage == right.usage && left.maximumUsage == right.maximumUsage && left.failures == right.failures
                && left.limit == right.limit && left.details.elementsEqual(right.details) { $0 == $1 }
        }
    }

    package struct BlockIO: Sendable, Equatable {
        package var major: UInt64
        package var minor: UInt64
        /// `read`, `write`, … as Docker shows them for the cgroup version at hand.
        package var operation: String
        package var value: UInt64
    }

    package var readAt: Timestamp
    package var cpu = CPU()
    package var memory = Memory()
    package var pids: UInt64 = 0
    /// nil: unlimited.
    package var pidsLimit: UInt64?
    package var bytesServiced: [BlockIO] = []
    package var operationsServiced: [BlockIO] = []
    package var usesCgroupV2 = false

    package init(readAt: Timestamp) { self.readAt = readAt }
}
