// SPDX-License-Identifier: Apache-2.0
// Ending a container that lost its shim: whatever still runs in its cgroup is killed, then the cgroup is removed.
import Glibc
import Linux

extension ControlGroup {
    /// Kills all processes, frozen ones too, and removes the group. Blocks for up to a few seconds while they end.
    func destroy() throws {
        for _ in 0..<200 {
            let remaining = processes()
            if remaining.isEmpty { break }
            // A frozen process does not die before it is thawed; a group without freezer cannot be frozen.
            try? setFrozen(false)
            for process in remaining { _ = kill(process, SIGKILL) }
            usleep(5_000)
        }
        try remove()
    }
}
