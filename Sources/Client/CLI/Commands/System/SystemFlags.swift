// SPDX-License-Identifier: Apache-2.0
// The flags of the system commands, as the stock client names and describes them.

/// Flag tables of `system`.
enum SystemFlags {
    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template),
        Flag("size", "s", "Display total file sizes if the type is container"),
        Flag("type", .string, "Only inspect objects of the given type"),
    ]

    static let events: [Flag] = [
        Flag("filter", "f", .filter, "Filter output based on conditions provided"),
        Flag("format", .string, FormatHelp.template),
        Flag("since", .string, "Show all events created since timestamp"),
        Flag("until", .string, "Stream events until this timestamp"),
    ]

    static let info: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template)
    ]

    static let version: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template)
    ]

    static let diskUsage: [Flag] = [
        Flag("format", .string, FormatHelp.table),
        Flag("verbose", "v", "Show detailed information on space usage"),
    ]

    static let prune: [Flag] = [
        Flag("all", "a", "Remove all unused images not just dangling ones"),
        Flag("filter", .filter, "Provide filter values (e.g. \"label=<key>=<value>\")"),
        Flag("force", "f", "Do not prompt for confirmation"),
        Flag("volumes", "Prune anonymous volumes"),
    ]
}
