// SPDX-License-Identifier: Apache-2.0
// The flags of the volume commands, as the stock client names and describes them.

/// Flag tables of `volume`.
enum VolumeFlags {
    static let create: [Flag] = [
        Flag(
            "availability", .string, "Cluster Volume availability (\"active\", \"pause\", \"drain\")", default: "active"
        ),
        Flag("driver", "d", .string, "Specify volume driver name", default: "local"),
        Flag("group", .string, "Cluster Volume group (cluster volumes)"),
        Flag("label", .list, "Set metadata for a volume"),
        Flag("limit-bytes", .bytes, "Minimum size of the Cluster Volume in bytes"),
        Flag("opt", "o", .map, "Set driver specific options", default: "map[]"),
        Flag("required-bytes", .bytes, "Maximum size of the Cluster Volume in bytes"),
        Flag("scope", .string, "Cluster Volume access scope (\"single\", \"multi\")", default: "single"),
        Flag("secret", .map, "Cluster Volume secrets", default: "map[]"),
        Flag(
            "sharing", .string, "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")",
            default: "none"),
        Flag("topology-preferred", .list, "A topology that the Cluster Volume would be preferred in"),
        Flag("topology-required", .list, "A topology that the Cluster Volume must be accessible from"),
        Flag("type", .string, "Cluster Volume access type (\"mount\", \"block\")", default: "block"),
    ]

    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template)
    ]

    static let list: [Flag] = [
        Flag("cluster", "Display only cluster volumes, and use cluster volume list formatting"),
        Flag("filter", "f", .filter, "Provide filter values (e.g. \"dangling=true\")"),
        Flag("format", .string, FormatHelp.table),
        Flag("quiet", "q", "Only display volume names"),
    ]

    static let prune: [Flag] = [
        Flag("all", "a", "Remove all unused volumes, not just anonymous ones"),
        Flag("filter", .filter, "Provide filter values (e.g. \"label=<label>\")"),
        Flag("force", "f", "Do not prompt for confirmation"),
    ]

    static let remove: [Flag] = [
        Flag("force", "f", "Force the removal of one or more volumes")
    ]
}
