// SPDX-License-Identifier: Apache-2.0
// The commands and their flags: one table serves the parser and the help.

/// One flag of a command.
struct CommandFlag {
    let name: String
    let short: String?
    let takesValue: Bool
    let text: String

    static func value(_ name: String, _ short: String? = nil, _ text: String) -> CommandFlag {
        CommandFlag(name: name, short: short, takesValue: true, text: text)
    }

    static func plain(_ name: String, _ short: String? = nil, _ text: String) -> CommandFlag {
        CommandFlag(name: name, short: short, takesValue: false, text: text)
    }
}

/// A command: what it takes and what its help says.
struct CommandSyntax {
    let name: String
    let operands: String
    let summary: String
    /// How many operands it takes.
    let count: ClosedRange<Int>
    var stopsAtOperand = false
    let flags: [CommandFlag]

    func parse(_ arguments: ArraySlice<String>) throws -> CommandArguments {
        let help = CommandFlag.plain("help", "h", "")
        let all = flags + [help]
        let short = all.compactMap { flag in flag.short.map { ($0, flag.name) } }
        let parsed = try CommandArguments(
            arguments, taking: Set(all.filter(\.takesValue).map(\.name)),
            plain: Set(all.filter { !$0.takesValue }.map(\.name)),
            short: Dictionary(short) { first, _ in first }, stopsAtOperand: stopsAtOperand)
        if parsed.has("help") { return parsed }
        guard count.contains(parsed.operands.count) else {
            let exact = count.lowerBound == count.upperBound
            let few = parsed.operands.count < count.lowerBound
            let word = exact ? "exactly" : few ? "a minimum of" : "a maximum of"
            let number = few || exact ? count.lowerBound : count.upperBound
            throw RuntimeError(.invalid, "\"\(name)\" requires \(word) \(number) argument(s)")
        }
        return parsed
    }

    func help(program: String) -> String {
        var lines = ["NAME:", "   \(program) \(name) - \(summary)", "", "USAGE:"]
        lines += ["   \(program) \(name) [options] \(operands)".trimmedRight, "", "OPTIONS:"]
        lines += Self.lines(flags + [.plain("help", "h", "show help")])
        return lines.joined(separator: "\n")
    }

    static func lines(_ flags: [CommandFlag]) -> [String] {
        let names = flags.map { flag in
            "--\(flag.name)" + (flag.short.map { ", -\($0)" } ?? "") + (flag.takesValue ? " value" : "")
        }
        let width = names.map(\.count).max() ?? 0
        return zip(names, flags).map { name, flag in
            "   \(name)\(String(repeating: " ", count: width - name.count))  \(flag.text)"
        }
    }

    static let global: [CommandFlag] = [
        .plain("debug", nil, "enable debug logging"),
        .value("log", nil, "set the log file to write logs to (default is '/dev/stderr')"),
        .value("log-format", nil, "set the log format ('text' (default), or 'json')"),
        .value("root", nil, "root directory for storage of container state (this should be located in tmpfs)"),
        .value("criu", nil, "path to the criu binary used for checkpoint and restore (ignored)"),
        .plain("systemd-cgroup", nil, "enable systemd cgroup support"),
        .value("rootless", nil, "ignore cgroup permission errors ('true', 'false', or 'auto')"),
        .plain("help", "h", "show help"), .plain("version", "v", "print the version"),
    ]

    private static let making: [CommandFlag] = [
        .value("bundle", "b", "path to the root of the bundle directory, defaults to the current directory"),
        .value("console-socket", nil, "path to a socket which receives the master end of the console's pseudoterminal"),
        .value("pidfd-socket", nil, "path to a socket which receives a descriptor of the init process"),
        .value("pid-file", nil, "specify the file to write the process id to"),
        .plain("no-pivot", nil, "do not use pivot root to jail process inside rootfs"),
        .plain("no-new-keyring", nil, "do not create a new session keyring for the container"),
        .value("preserve-fds", nil, "pass N additional file descriptors to the container"),
    ]

    private static let container = "<container-id>"

    static let all: [CommandSyntax] = [
        .init(
            name: "checkpoint", operands: container, summary: "checkpoint a running container", count: 1...1,
            flags: [
                .value("image-path", nil, "path for saving criu image files"),
                .value("work-path", nil, "path for saving work files and logs"),
                .value("parent-path", nil, "path for previous criu image files in pre-dump"),
                .plain("leave-running", nil, "leave the process running after checkpointing"),
                .plain("tcp-established", nil, "allow open tcp connections"),
                .plain("tcp-skip-in-flight", nil, "skip in-flight tcp connections"),
                .plain("link-remap", nil, "allow one to link unlinked files back when possible"),
                .plain("ext-unix-sk", nil, "allow external unix sockets"), .plain("shell-job", nil, "allow shell jobs"),
                .plain("lazy-pages", nil, "use userfaultfd to lazily restore memory pages"),
                .value("status-fd", nil, "criu writes \\0 to this FD once lazy-pages is ready"),
                .value("page-server", nil, "ADDRESS:PORT of the page server"),
                .plain("file-locks", nil, "handle file locks, for safety"),
                .plain("pre-dump", nil, "dump container's memory information only, leave the container running"),
                .value("manage-cgroups-mode", nil, "cgroups mode"),
                .value("empty-ns", nil, "create a namespace, but don't restore its properties"),
                .plain("auto-dedup", nil, "enable auto deduplication of memory images"),
            ]),
        .init(name: "create", operands: container, summary: "create a container", count: 1...1, flags: making),
        .init(
            name: "delete", operands: container,
            summary: "delete any resources held by the container often used with detached container", count: 1...1,
            flags: [.plain("force", "f", "Forcibly deletes the container if it is still running (uses SIGKILL)")]),
        .init(
            name: "events", operands: container,
            summary: "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
            count: 1...1,
            flags: [
                .value("interval", nil, "set the stats collection interval (default: 5s)"),
                .plain("stats", nil, "display the container's stats then exit"),
            ]),
        .init(
            name: "exec", operands: "\(container) <command> [command options]  || -p process.json \(container)",
            summary: "execute new process inside the container", count: 1...Int.max, stopsAtOperand: true,
            flags: [
                .value("console-socket", nil, "path to a socket which receives the master end of the pseudoterminal"),
                .value("pidfd-socket", nil, "path to a socket which receives a descriptor of the exec process"),
                .value("cwd", nil, "current working directory in the container"),
                .value("env", "e", "set environment variables"), .plain("tty", "t", "allocate a pseudo-TTY"),
                .value("user", "u", "UID (format: <uid>[:<gid>])"),
                .value("additional-gids", "g", "additional gids"),
                .value("process", "p", "path to the process.json"),
                .plain("detach", "d", "detach from the container's process"),
                .value("pid-file", nil, "specify the file to write the process id to"),
                .value("process-label", nil, "set the asm process label for the process commonly used with selinux"),
                .value("apparmor", nil, "set the apparmor profile for the process"),
                .plain("no-new-privs", nil, "set the no new privileges value for the process"),
                .value("cap", "c", "add a capability to the bounding set for the process"),
                .value("preserve-fds", nil, "pass N additional file descriptors to the container"),
                .value("cgroup", nil, "run the process in an (existing) sub-cgroup(s): [<controller>:]<cgroup>"),
                .plain("ignore-paused", nil, "allow exec in a paused container"),
                .plain("no-subreaper", nil, "disable the use of the subreaper (ignored)"),
            ]),
        .init(name: "features", operands: "", summary: "show the enabled features", count: 0...0, flags: []),
        .init(
            name: "kill", operands: "\(container) [signal]",
            summary: "kill sends the specified signal (default: SIGTERM) to the container's init process", count: 1...2,
            flags: [.plain("all", "a", "send the signal to all processes of the container")]),
        .init(
            name: "list", operands: "", summary: "lists containers started with the given root", count: 0...0,
            flags: [
                .value("format", "f", "select one of: table (default) or json"),
                .plain("quiet", "q", "display only container IDs"),
            ]),
        .init(
            name: "pause", operands: container, summary: "pause suspends all processes inside the container",
            count: 1...1, flags: []),
        .init(
            name: "ps", operands: "\(container) [ps options]",
            summary: "ps displays the processes running inside a container",
            count: 1...Int.max, stopsAtOperand: true,
            flags: [.value("format", "f", "select one of: table (default) or json")]),
        .init(
            name: "restore", operands: container, summary: "restore a container from a previous checkpoint",
            count: 1...1,
            flags: making + [
                .value("image-path", nil, "path to criu image files for restoring"),
                .value("work-path", nil, "path for saving work files and logs"),
                .plain("tcp-established", nil, "allow open tcp connections"),
                .plain("ext-unix-sk", nil, "allow external unix sockets"), .plain("shell-job", nil, "allow shell jobs"),
                .plain("file-locks", nil, "handle file locks, for safety"),
                .value("manage-cgroups-mode", nil, "cgroups mode"), .plain("detach", "d", "detach from the process"),
                .plain("no-subreaper", nil, "disable the use of the subreaper"),
                .value("empty-ns", nil, "create a namespace, but don't restore its properties"),
                .plain("auto-dedup", nil, "enable auto deduplication of memory images"),
                .plain("lazy-pages", nil, "use userfaultfd to lazily restore memory pages"),
                .value("lsm-profile", nil, "specify an LSM profile to be used during restore"),
                .value("lsm-mount-context", nil, "specify an LSM mount context to be used during restore"),
            ]),
        .init(
            name: "resume", operands: container, summary: "resumes all processes that have been previously paused",
            count: 1...1, flags: []),
        .init(
            name: "run", operands: container, summary: "create and run a container", count: 1...1,
            flags: making + [
                .plain("detach", "d", "detach from the container's process"),
                .plain("keep", nil, "do not delete the container after it exits"),
                .plain("no-subreaper", nil, "disable the use of the subreaper used to reap reparented processes"),
            ]),
        .init(
            name: "spec", operands: "", summary: "create a new specification file", count: 0...0,
            flags: [
                .value("bundle", "b", "path to the root of the bundle directory"),
                .plain("rootless", nil, "generate a configuration for a rootless container"),
            ]),
        .init(
            name: "start", operands: container,
            summary: "executes the user defined process in a created container", count: 1...1, flags: []),
        .init(
            name: "state", operands: container, summary: "output the state of a container", count: 1...1, flags: []),
        .init(
            name: "update", operands: container, summary: "update container resource constraints", count: 1...1,
            flags: [
                .value("resources", "r", "path to the file containing the resources to update or '-' for stdin"),
                .value("blkio-weight", nil, "Specifies per cgroup weight, range is from 10 to 1000"),
                .value("cpu-period", nil, "CPU CFS period to be used for hardcapping (in usecs)"),
                .value("cpu-quota", nil, "CPU CFS hardcap limit (in usecs)"),
                .value("cpu-burst", nil, "CPU CFS hardcap burst limit (in usecs)"),
                .value("cpu-share", nil, "CPU shares (relative weight vs. other containers)"),
                .value("cpu-rt-period", nil, "CPU realtime period to be used for hardcapping (in usecs)"),
                .value("cpu-rt-runtime", nil, "CPU realtime hardcap limit (in usecs)"),
                .value("cpu-idle", nil, "set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE"),
                .value("cpuset-cpus", nil, "CPU(s) to use"), .value("cpuset-mems", nil, "Memory node(s) to use"),
                .value("kernel-memory", nil, "(obsoleted; do not use)"),
                .value("kernel-memory-tcp", nil, "(obsoleted; do not use)"),
                .value("memory", nil, "Memory limit (in bytes)"),
                .value("memory-reservation", nil, "Memory reservation or soft_limit (in bytes)"),
                .value("memory-swap", nil, "Total memory usage (memory + swap); '-1' enables unlimited swap"),
                .value("pids-limit", nil, "Maximum number of pids allowed in the container"),
                .value("l3-cache-schema", nil, "The string of Intel RDT/CAT L3 cache schema"),
                .value("mem-bw-schema", nil, "The string of Intel RDT/MBA memory bandwidth schema"),
            ]),
    ]
}

extension String {
    fileprivate var trimmedRight: String {
        var text = self[...]
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
