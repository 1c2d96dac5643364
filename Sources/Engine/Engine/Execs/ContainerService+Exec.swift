// SPDX-License-Identifier: Apache-2.0
// What containers tell about their execs, and what an exec inherits from its container.
import DockerAPI
import OCI
import Primitives
import Synchronization
import Tasks

/// Who wants to know about the ends of execs.
struct ExecObserver: Sendable {
    var ended: @Sendable (Container, String, ExecExit) -> Void = { _, _, _ in }
    var forgotten: @Sendable (Set<String>) -> Void = { _ in }
}

extension ContainerService {
    func observeExecs(
        ended: @escaping @Sendable (Container, String, ExecExit) -> Void,
        forgotten: @escaping @Sendable (Set<String>) -> Void
    ) {
        execObserver.withLock { $0 = ExecObserver(ended: ended, forgotten: forgotten) }
    }

    func execExited(_ container: Container, _ id: String, _ exit: ExecExit) {
        execObserver.withLock { $0 }.ended(container, id, exit)
    }

    func forgetExecs(_ ids: Set<String>) { execObserver.withLock { $0 }.forgotten(ids) }

    /// The process of an exec: the container's environment and folder, with what the request changes.
    func execProcess(
        _ record: ContainerRecord, _ request: ExecCreateRequest, size: [Int]?, root: RootFilesystem
    ) async throws -> RuntimeSpec.Process {
        var task = TaskConfiguration(containerID: record.id, args: request.cmd ?? [])
        let given = request.env ?? []
        let named = Set(given.map { $0.prefix { $0 != "=" } })
        task.env = (record.config.env ?? []).filter { !named.contains($0.prefix { $0 != "=" }) } + given
        let folder = request.workingDir.isEmpty ? record.config.workingDir : request.workingDir
        task.cwd = folder.isEmpty ? "/" : folder
        let user = request.user.isEmpty ? record.config.user : request.user
        task.user = try await drivers.specs.user(
            user, groups: request.user.isEmpty ? record.hostConfig.groupAdd ?? [] : [], root: root)
        task.tty = request.tty
        if let size, size.count == 2, size[0] > 0, size[1] > 0 { task.consoleSize = (size[0], size[1]) }
        task.hostname = record.config.hostname
        task.privileged = request.privileged || record.hostConfig.privileged
        task.capAdd = record.hostConfig.capAdd ?? []
        task.capDrop = record.hostConfig.capDrop ?? []
        task.noNewPrivileges = settings.noNewPrivileges
        try applySecurity(record.hostConfig.securityOpt ?? [], to: &task)
        // As Docker's: `exec --privileged` stays behind the container's own fence.
        task.apparmorProfile = Self.apparmorProfile(
            record.hostConfig.securityOpt ?? [], privileged: record.hostConfig.privileged)
        task.ulimits = (record.hostConfig.ulimits ?? []).map { TaskUlimit(name: $0.name, soft: $0.soft, hard: $0.hard) }
        task.oomScoreAdj = record.hostConfig.oomScoreAdj
        return try drivers.specs.execProcess(task)
    }
}
