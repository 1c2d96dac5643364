// SPDX-License-Identifier: Apache-2.0
// The processes of a container, as the host's `ps` shows them.
package import DockerAPI
import Primitives
import Tasks

extension ContainerService {
    /// The container's processes with the columns of `ps` with these arguments (default `-ef`).
    package func top(_ reference: String, arguments: String?) async throws -> ContainerTopResponse {
        let container = try await findSettled(reference)
        let record = container.record
        if record.state.isRestarting {
            throw EngineError.conflict("Container \(record.id) is restarting, wait until the container is running")
        }
        guard record.state.isAlive else { throw ContainerErrors.notRunning(record.id) }
        let pids =
            drivers.specs.host.hasControlGroups
            ? try await drivers.specs.processes(cgroupPath: cgroupPath(record))
            : try await drivers.specs.processes(besides: record.state.run?.pid ?? 0)
        let table = try await ProcessTable.read(pids: pids, arguments: arguments ?? "")
        announce(record, "top")
        var answer = ContainerTopResponse()
        answer.titles = table.titles
        answer.processes = table.processes
        return answer
    }

    /// Where the container's cgroup is; the same rule that made it.
    private func cgroupPath(_ record: ContainerRecord) -> String {
        var task = TaskConfiguration(containerID: record.id, args: [])
        task.cgroupParent =
            record.hostConfig.cgroupParent.isEmpty ? settings.cgroupParent : record.hostConfig.cgroupParent
        return OCISpecBuilder(configuration: task, host: drivers.specs.host).cgroupsPath
    }
}
