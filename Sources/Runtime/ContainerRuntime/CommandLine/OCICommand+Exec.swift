// SPDX-License-Identifier: Apache-2.0
// exec: one more process in a container that runs.
import CLinux
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    func exec() throws -> Int32 {
        let container = try saved()
        let status = container.status()
        if status == "stopped" { throw RuntimeError(.invalid, "cannot exec in a stopped container") }
        if status == "paused", !arguments.has("ignore-paused") {
            throw RuntimeError(.invalid, "cannot exec in a paused container (use --ignore-paused to override)")
        }
        var plan = try ContainerPlan(id: container.id, bundle: container.folder, seccompCache: root + "/.seccomp")
        try plan.defaultCgroup()
        var process = try execProcess(plan)
        let detached = arguments.has("detach")
        try checkTerminal(process, detached: detached)
        let extra = try passDescriptors(to: &process)
        _ = try SchedulingPlan(process)
        try closeForeign()
        let pid = container.pid
        let pidfd = OwnedFD(try check("pidfd_open") { apus_pidfd_open(pid, 0) })
        let groups = try subgroups(plan.cgroup)
        var foreground = detached ? nil : Foreground()
        var launch = ExecLaunch(
            process: process, container: pid, containerPidfd: pidfd.raw, namespaces: plan.linux.namespaces,
            cgroup: plan.cgroup, seccomp: plan.seccomp, streams: process.terminal ? .terminal : .inherited,
            diesWithParent: !detached)
        launch.groupFolders = groups
        launch.extraDescriptors = extra
        launch.personality = plan.linux.personality
        launch.memoryPolicy = plan.linux.memoryPolicy
        launch.hasListener = plan.listener != nil
        launch.debug = log.debug
        let child: (pid: Int32, master: Int32?)
        do {
            child = try doing("unable to start container process") {
                let launched = try launch.start()
                log.debug("exec in \(container.id): process \(launched.pid) cloned")
                let follower = Follower(
                    services: LaunchServices(plan, bundle: container.bundle), console: arguments["console-socket"],
                    log: log)
                do {
                    try follower.follow(launched.socket.raw, pid: launched.pid, until: nil)
                    if let path = arguments["pidfd-socket"] {
                        try StreamSocket.send(launched.pidfd.raw, named: "pidfd", to: path)
                    }
                } catch {
                    _ = Glibc.kill(launched.pid, SIGKILL)
                    _ = ExitStatus.reap(launched.pid, waiting: true)
                    throw error
                }
                return (launched.pid, follower.master)
            }
        } catch {
            foreground?.end()
            throw error
        }
        try Self.writePid(child.pid, to: arguments["pid-file"])
        guard foreground != nil else { return 0 }
        try foreground?.relay(child.master)
        return foreground?.wait(for: child.pid) ?? 0
    }

    /// The process of `--process`, or the container's own with other arguments.
    private func execProcess(_ plan: ContainerPlan) throws -> RuntimeSpec.Process {
        if let path = arguments["process"] {
            return try RuntimeSpec.Process(json: try JSONValue.parse(try TextFile.bytes(path)), path: "process")
        }
        var process = plan.process
        process.args = Array(arguments.operands.dropFirst())
        guard !process.args.isEmpty else { throw RuntimeError(.invalid, "exec args cannot be empty") }
        process.terminal = arguments.has("tty")
        process.env += arguments.all("env")
        if let cwd = arguments["cwd"], !cwd.isEmpty { process.cwd = cwd }
        if let label = arguments["process-label"], !label.isEmpty { process.selinuxLabel = label }
        if let profile = arguments["apparmor"], !profile.isEmpty { process.apparmorProfile = profile }
        if arguments["no-new-privs"] != nil { process.noNewPrivileges = arguments.has("no-new-privs") }
        for capability in arguments.all("cap") {
            var sets = process.capabilities ?? RuntimeSpec.Capabilities()
            if !sets.bounding.contains(capability) { sets.bounding.append(capability) }
            if !sets.effective.contains(capability) { sets.effective.append(capability) }
            if !sets.permitted.contains(capability) { sets.permitted.append(capability) }
            // Only what is inheritable may be raised.
            if sets.inheritable.contains(capability), !sets.ambient.contains(capability) {
                sets.ambient.append(capability)
            }
            process.capabilities = sets
        }
        if let user = arguments["user"], !user.isEmpty {
            let parts = user.split(separator: ":", omittingEmptySubsequences: false)
            guard let uid = UInt32(parts[0]) else {
                throw RuntimeError(.invalid, "parsing \(parts[0]) as int for uid failed: invalid syntax")
            }
            process.user.uid = uid
            if parts.count > 1 {
                guard let gid = UInt32(parts[1]) else {
                    throw RuntimeError(.invalid, "parsing \(parts[1]) as int for gid failed: invalid syntax")
                }
                process.user.gid = gid
            }
        }
        process.user.additionalGids += try arguments.all("additional-gids").map {
            guard let gid = UInt32($0) else {
                throw RuntimeError(.invalid, "additional-gids must be a positive number, found \($0)")
            }
            return gid
        }
        return process
    }

    /// Folders of `--cgroup [controller,…:]path`; nil for the container's own group.
    private func subgroups(_ group: ControlGroup?) throws -> [String]? {
        let given = arguments.all("cgroup")
        guard !given.isEmpty else { return nil }
        guard let group else { throw RuntimeError(.invalid, "the container has no control group") }
        func below(_ folder: String, _ path: String) throws -> String {
            guard !path.split(separator: "/").contains("..") else {
                throw RuntimeError(.invalid, "bad sub cgroup path: \(path)")
            }
            return folder + "/" + path.split(separator: "/").joined(separator: "/")
        }
        if given.count == 1, !given[0].contains(":") { return try group.folders.map { try below($0, given[0]) } }
        var paths: [String: String] = [:]
        for argument in given {
            let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw RuntimeError(.invalid, "invalid --cgroup argument: \(argument) (missing <controller>: prefix)")
            }
            for controller in parts[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
                guard !controller.isEmpty else {
                    throw RuntimeError(.invalid, "invalid --cgroup argument: \(argument) (empty <controller> prefix)")
                }
                guard paths.updateValue(parts[1], forKey: controller) == nil else {
                    throw RuntimeError(
                        .invalid, "invalid --cgroup argument(s): controller \(controller) specified multiple times")
                }
            }
        }
        var chosen: [String: String] = [:]
        for (controller, path) in paths {
            guard !group.layout.isUnified, let folder = group.folder(controller) else {
                throw RuntimeError(.invalid, "unknown controller \(controller) in SubCgroupPaths")
            }
            chosen[folder] = try below(folder, path)
        }
        return group.folders.map { chosen[$0] ?? $0 }
    }
}
