// SPDX-License-Identifier: Apache-2.0
// The flags of the volume commands, as the stock client names and describes them.

/// Flag tables of `volume`.
enum VolumeFlags {
    /// The stock client shows those of cluster volumes only where the daemon is a swarm manager.
    static let create: [Flag] = [
        Flag(
            "availability", .string, "Cluster Volume availability (\"active\", \"pause\", \"drain\")",
            default: "active",
            hidden: true),
        Flag("driver", "d", .string, "Specify volume driver name", default: "local"),
        Flag("group", .string, "Cluster Volume group (cluster volumes)", hidden: true),
        Flag("label", .list, "Set metadata for a volume"),
        Flag("limit-bytes", .bytes, "Minimum size of the Cluster Volume in bytes", hidden: true),
        Flag("name", .string, "Specify volume name", hidden: true),
        Flag("opt", "o", .map, "Set driver specific options", default: "map[]"),
        Flag("required-bytes", .bytes, "Maximum size of the Cluster Volume in bytes", hidden: true),
        Flag(
            "scope", .string, "Cluster Volume access scope (\"single\", \"multi\")", default: "single",
            hidden: true),
        Flag("secret", .map, "Cluster Volume secrets", default: "map[]", hidden: true),
        Flag(
            "sharing", .string, "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")",
            default: "none", hidden: true),
        Flag("topology-preferred", .list, "A topology that the Cluster Volume would be preferred in", hidden: true),
        Flag("topology-required", .list, "A topology that the Cluster Volume must be accessible from", hidden: true),
        Flag(
            "type", .string, "Cluster Volume access type (\"mount\", \"block\")", default: "block",
            hidden: true),
    ]

    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template)
    ]

    static let list: [Flag] = [
        Flag("cluster", "Display only cluster volumes, and use cluster volume list formatting", hidden: true),
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
