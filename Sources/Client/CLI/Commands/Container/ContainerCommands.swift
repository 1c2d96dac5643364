// SPDX-License-Identifier: Apache-2.0
// The commands of containers: names, usage and flags; each runs a function of this folder.
import DockerClient

/// All of `container …` and their short forms.
enum ContainerCommands {
    static let all: [Command] = life + views

    private static let life: [Command] = [
        Command(
            ["container run", "run"], "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            "Create and run a new container from an image",
            .atLeast(1), interspersed: false, flags: { CreateFlags.checked(CreateFlags.run) }, run: RunCommand.run),
        Command(
            ["container create", "create"], "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", .atLeast(1),
            interspersed: false, flags: { CreateFlags.checked(CreateFlags.create) }, run: RunCommand.create),
        Command(
            ["container start", "start"], "[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers",
            .atLeast(1), flags: { ContainerFlags.start }, run: ContainerLife.start),
        Command(
            ["container stop", "stop"], "[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers",
            .atLeast(1), flags: { ContainerFlags.stop }, run: { try ContainerLife.stop($0, "stop") }),
        Command(
            ["container restart", "restart"], "[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers",
            .atLeast(1), flags: { ContainerFlags.restart }, run: { try ContainerLife.stop($0, "restart") }),
        Command(
            ["container kill", "kill"], "[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers",
            .atLeast(1), flags: { ContainerFlags.kill }, run: ContainerLife.kill),
        Command(
            ["container rm", "container remove", "rm"], "[OPTIONS] CONTAINER [CONTAINER...]",
            "Remove one or more containers", .atLeast(1), flags: { ContainerFlags.remove }, run: ContainerLife.remove),
        Command(
            ["container pause", "pause"], "CONTAINER [CONTAINER...]",
            "Pause all processes within one or more containers", .atLeast(1),
            run: { try ContainerLife.simple($0, "pause") }),
        Command(
            ["container unpause", "unpause"], "CONTAINER [CONTAINER...]",
            "Unpause all processes within one or more containers", .atLeast(1),
            run: { try ContainerLife.simple($0, "unpause") }),
        Command(
            ["container rename", "rename"], "CONTAINER NEW_NAME", "Rename a container", .exactly(2),
            run: ContainerLife.rename),
        Command(
            ["container update", "update"], "[OPTIONS] CONTAINER [CONTAINER...]",
            "Update configuration of one or more containers", .atLeast(1), flags: { UpdateCommand.flags },
            run: UpdateCommand.run),
        Command(
            ["container wait", "wait"], "CONTAINER [CONTAINER...]",
            "Block until one or more containers stop, then print their exit codes", .atLeast(1), run: ContainerLife.wait
        ),
        Command(
            ["container prune"], "[OPTIONS]", "Remove all stopped containers", .none, flags: { ContainerFlags.prune },
            run: PruneCommands.containers),
    ]

    private static let views: [Command] = [
        Command(
            ["container attach", "attach"], "[OPTIONS] CONTAINER",
            "Attach local standard input, output, and error streams to a running container", .exactly(1),
            flags: { ContainerFlags.attach }, run: AttachCommand.run),
        Command(
            ["container exec", "exec"], "[OPTIONS] CONTAINER COMMAND [ARG...]",
            "Execute a command in a running container",
            .atLeast(2), interspersed: false, flags: { ContainerFlags.exec }, run: ExecCommand.run),
        Command(
            ["container ls", "container list", "container ps", "ps"], "[OPTIONS]", "List containers", .none,
            flags: { ContainerFlags.list }, run: ContainerList.run),
        Command(
            ["container logs", "logs"], "[OPTIONS] CONTAINER", "Fetch the logs of a container", .exactly(1),
            flags: { ContainerFlags.logs }, run: ContainerViews.logs),
        Command(
            ["container top", "top"], "CONTAINER [ps OPTIONS]", "Display the running processes of a container",
            .atLeast(1),
            interspersed: false, run: ContainerViews.top),
        Command(
            ["container port", "port"], "CONTAINER [PRIVATE_PORT[/PROTO]]",
            "List port mappings or a specific mapping for the container", .range(1, 2), run: ContainerViews.port),
        Command(
            ["container inspect"], "[OPTIONS] CONTAINER [CONTAINER...]",
            "Display detailed information on one or more containers", .atLeast(1), flags: { ContainerFlags.inspect },
            run: { call in
                let client = try call.client()
                return try ObjectInspector.run(call) { name in
                    try client.call(
                        "GET", "/containers/\(URLText.path(name))/json",
                        query: call.flags.bool("size") ? [("size", "1")] : []
                    ).readAll()
                }
            }),
    ]
}

extension CreateFlags {
    /// The tables with the checks that belong to single flags.
    static func checked(_ flags: [Flag]) -> [Flag] {
        flags.map { flag in
            let check: (@Sendable (String) -> String?)?
            switch flag.name {
            case "env": check = { $0.hasPrefix("=") || $0.isEmpty ? "invalid environment variable: \($0)" : nil }
            case "attach":
                check = {
                    ["stdin", "stdout", "stderr"].contains($0.lowercased())
                        ? nil : "valid streams are STDIN, STDOUT and STDERR"
                }
            case "ulimit": check = { RunResources.ulimit($0).failure }
            case "mount": check = { MountSpecification.mount($0).failure }
            case "add-host":
                check = { text in
                    let wire = extraHost(text)
                    guard let (name, address) = Text.cut(wire, ":"), !name.isEmpty else {
                        return "bad format for add-host: \(Quoted.go(text))"
                    }
                    return address == "host-gateway" || IPText.isAddress(address)
                        ? nil : "invalid IP address in add-host: \(Quoted.go(address))"
                }
            case "dns": check = { IPText.isAddress($0) ? nil : "IP address is not correctly formatted: \($0)" }
            case "label": check = { $0.hasPrefix("=") ? "invalid label '\($0)': empty name" : nil }
            case "network", "net": check = complaint { try NetworkFlagsReader.check($0) }
            case "device-cgroup-rule":
                check = { DeviceFlags.isRule($0) ? nil : "invalid device cgroup format '\($0)'" }
            case "sysctl": check = { $0.contains("=") ? nil : "sysctl '\($0)' is not allowed" }
            case "annotation": check = { _ in nil }
            case "blkio-weight-device": check = complaint { try RunResources.weightDevice($0) }
            case "device-read-bps", "device-write-bps":
                check = complaint { try RunResources.throttle($0, isRate: true) }
            case "device-read-iops", "device-write-iops":
                check = complaint { try RunResources.throttle($0, isRate: false) }
            case "link": check = { Text.split($0, ":").count > 2 || $0.isEmpty ? "bad format for links: \($0)" : nil }
            case "link-local-ip":
                check = { IPText.isAddress($0) ? nil : "IP address is not correctly formatted: \($0)" }
            default: check = nil
            }
            guard let check else { return flag }
            return Flag(
                flag.name, flag.short, flag.kind, flag.help, default: flag.standard, hidden: flag.isHidden,
                aliasOf: flag.aliasOf, check: check)
        }
    }

    private static func extraHost(_ text: String) -> String { CreateRequest.extraHost(text) }

    private static func complaint<T>(_ read: @escaping @Sendable (String) throws -> T) -> @Sendable (String) -> String?
    {
        { text in
            do { _ = try read(text) } catch { return "\(error)" }
            return nil
        }
    }
}
