// SPDX-License-Identifier: Apache-2.0
// Specifications, users and processes: what the engine asks of the Tasks driver's knowledge of Linux.
import AsyncSystem
import Glibc
import Linux
import OCI
import Primitives
import Tasks

/// Holds the facts of the machine, read once.
struct SpecFactory: Sendable {
    let host: HostFacts

    func build(_ configuration: TaskConfiguration) async throws -> RuntimeSpec {
        try await Blocking.run { [host] in try OCISpecBuilder(configuration: configuration, host: host).build() }
    }

    func execProcess(_ task: TaskConfiguration) throws -> RuntimeSpec.Process {
        try OCISpecBuilder(configuration: task, host: host).execProcess(
            args: task.args, env: [], cwd: task.cwd, user: task.user, tty: task.tty, consoleSize: task.consoleSize,
            privileged: task.privileged)
    }

    /// Limits alone, for a container that runs.
    func resources(_ wanted: TaskResources) async throws -> RuntimeSpec.Resources {
        try await Blocking.run { [host] in try OCISpecBuilder.resources(wanted, host: host) }
    }

    /// `user[:group]` by the container's own passwd and group files.
    func user(_ text: String, groups: [String], root: RootFilesystem) async throws -> ResolvedUser {
        try await Blocking.run {
            try ResolvedUser.resolve(text, additionalGroups: groups, in: root)
        }
    }
}

extension SpecFactory {
    /// Ids of all processes in a cgroup, as the host counts.
    func processes(cgroupPath: String) async throws -> [Int32] {
        try await TaskCgroup(path: cgroupPath).processes()
    }

    /// Ids of all processes in the process namespace of one that is not the daemon's own: for containers without a group.
    func processes(besides process: Int32) async throws -> [Int32] {
        try await Blocking.run { ProcessNamespace.processes(besides: process) }
    }

    /// Removes the cgroup that containers without a parent of their own are made in; a busy one stays (EBUSY).
    func removeParentCgroup() async throws {
        let path = host.defaultCgroupParent
        try await Blocking.run {
            let layout = try CgroupLayout.detect()
            for folder in ControlGroup(layout: layout, path: path).folders { rmdir(folder) }
        }
    }
}
