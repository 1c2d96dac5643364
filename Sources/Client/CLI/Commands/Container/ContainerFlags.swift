// SPDX-License-Identifier: Apache-2.0
// The flags of the container commands, as the stock client names and describes them.

/// Flag tables of `container`.
enum ContainerFlags {
    static let attach: [Flag] = [
        Flag("detach-keys", .string, "Override the key sequence for detaching a container"),
        Flag("no-stdin", "Do not attach STDIN"),
        Flag("sig-proxy", "Proxy all received signals to the process", default: "true"),
    ]

    static let exec: [Flag] = [
        Flag("detach", "d", "Detached mode: run command in the background"),
        Flag("detach-keys", .string, "Override the key sequence for detaching a container"),
        Flag("env", "e", .list, "Set environment variables"),
        Flag("env-file", .list, "Read in a file of environment variables"),
        Flag("interactive", "i", "Keep STDIN open even if not attached"),
        Flag("privileged", "Give extended privileges to the command"),
        Flag("tty", "t", "Allocate a pseudo-TTY"),
        Flag("user", "u", .string, "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
        Flag("workdir", "w", .string, "Working directory inside the container"),
    ]

    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template),
        Flag("size", "s", "Display total file sizes"),
    ]

    static let kill: [Flag] = [
        Flag("signal", "s", .string, "Signal to send to the container")
    ]

    static let logs: [Flag] = [
        Flag("details", "Show extra details provided to logs"),
        Flag("follow", "f", "Follow log output"),
        Flag(
            "since", .string,
            "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)"),
        Flag("tail", "n", .string, "Number of lines to show from the end of the logs", default: "all"),
        Flag("timestamps", "t", "Show timestamps"),
        Flag(
            "until", .string,
            "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)"),
    ]

    static let list: [Flag] = [
        Flag("all", "a", "Show all containers (default shows just running)"),
        Flag("filter", "f", .filter, "Filter output based on conditions provided"),
        Flag("format", .string, FormatHelp.table),
        Flag("last", "n", .int, "Show n last created containers (includes all states)", default: "-1"),
        Flag("latest", "l", "Show the latest created container (includes all states)"),
        Flag("no-trunc", "Don't truncate output"),
        Flag("quiet", "q", "Only display container IDs"),
        Flag("size", "s", "Display total file sizes"),
    ]

    static let prune: [Flag] = [
        Flag("filter", .filter, "Provide filter values (e.g. \"until=<timestamp>\")"),
        Flag("force", "f", "Do not prompt for confirmation"),
    ]

    static let restart: [Flag] = [
        Flag("signal", "s", .string, "Signal to send to the container"),
        Flag("time", .int, "deprecated, alias of --timeout (hidden)", hidden: true, aliasOf: "timeout"),
        Flag("timeout", "t", .int, "Seconds to wait before killing the container"),
    ]

    static let remove: [Flag] = [
        Flag("force", "f", "Force the removal of a running container (uses SIGKILL)"),
        Flag("link", "l", "Remove the specified link"),
        Flag("volumes", "v", "Remove anonymous volumes associated with the container"),
    ]

    static let start: [Flag] = [
        Flag("attach", "a", "Attach STDOUT/STDERR and forward signals"),
        Flag("checkpoint", .string, "Restore from this checkpoint", hidden: true),
        Flag("checkpoint-dir", .string, "Use a custom checkpoint storage directory", hidden: true),
        Flag("detach-keys", .string, "Override the key sequence for detaching a container"),
        Flag("interactive", "i", "Attach container's STDIN"),
    ]

    static let stop: [Flag] = [
        Flag("signal", "s", .string, "Signal to send to the container"),
        Flag("time", .int, "deprecated, alias of --timeout (hidden)", hidden: true, aliasOf: "timeout"),
        Flag("timeout", "t", .int, "Seconds to wait before killing the container"),
    ]
}
