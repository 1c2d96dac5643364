// SPDX-License-Identifier: Apache-2.0
// The flags of the image commands, as the stock client names and describes them.

/// Flag tables of `image`.
enum ImageFlags {
    static let history: [Flag] = [
        Flag("format", .string, FormatHelp.table),
        Flag("human", "H", "Print sizes and dates in human readable format", default: "true"),
        Flag("no-trunc", "Don't truncate output"),
        Flag(
            "platform", .string,
            "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")"),
        Flag("quiet", "q", "Only show image IDs"),
    ]

    static let list: [Flag] = [
        Flag("all", "a", "Show all images (default hides intermediate images)"),
        Flag("digests", "Show digests"),
        Flag("filter", "f", .filter, "Filter output based on conditions provided"),
        Flag("format", .string, FormatHelp.table),
        Flag("no-trunc", "Don't truncate output"),
        Flag("quiet", "q", "Only show image IDs"),
        Flag("tree", "List multi-platform images as a tree (EXPERIMENTAL)", hidden: true),
    ]

    static let importImage: [Flag] = [
        Flag("change", "c", .list, "Apply Dockerfile instruction to the created image"),
        Flag("message", "m", .string, "Set commit message for imported image"),
        Flag("platform", .string, "Set platform if server is multi-platform capable"),
    ]

    static let load: [Flag] = [
        Flag("input", "i", .string, "Read from tar archive file, instead of STDIN"),
        Flag(
            "platform", .string,
            "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")"),
        Flag("quiet", "q", "Suppress the load output"),
    ]

    static let prune: [Flag] = [
        Flag("all", "a", "Remove all unused images, not just dangling ones"),
        Flag("filter", .filter, "Provide filter values (e.g. \"until=<timestamp>\")"),
        Flag("force", "f", "Do not prompt for confirmation"),
    ]

    static let pull: [Flag] = [
        Flag("all-tags", "a", "Download all tagged images in the repository"),
        Flag("disable-content-trust", "Skip image verification", default: "true"),
        Flag("platform", .string, "Set platform if server is multi-platform capable"),
        Flag("quiet", "q", "Suppress verbose output"),
    ]

    static let push: [Flag] = [
        Flag("all-tags", "a", "Push all tags of an image to the repository"),
        Flag("disable-content-trust", "Skip image signing", default: "true"),
        Flag(
            "platform", .string,
            "Push a platform-specific manifest as a single-platform image to the registry. Image index won't be pushed, meaning that other manifests, including attestations won't be preserved. 'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"
        ),
        Flag("quiet", "q", "Suppress verbose output"),
    ]

    static let remove: [Flag] = [
        Flag("force", "f", "Force removal of the image"),
        Flag("no-prune", "Do not delete untagged parents"),
        Flag(
            "platform", .stringSlice,
            "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")"),
    ]

    static let save: [Flag] = [
        Flag("output", "o", .string, "Write to a file, instead of STDOUT"),
        Flag(
            "platform", .string,
            "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")"),
    ]

    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template),
        Flag(
            "platform", .string,
            "Inspect a specific platform of the multi-platform image.\nIf the image or the server is not multi-platform capable, the command will error out if the platform does not match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"
        ),
    ]
}
