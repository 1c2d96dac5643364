// SPDX-License-Identifier: Apache-2.0
// The flags of the network commands, as the stock client names and describes them.

/// Flag tables of `network`.
enum NetworkFlags {
    static let create: [Flag] = [
        Flag("attachable", "Enable manual container attachment"),
        Flag("aux-address", .map, "Auxiliary IPv4 or IPv6 addresses used by Network driver", default: "map[]"),
        Flag("config-from", .string, "The network from which to copy the configuration"),
        Flag("config-only", "Create a configuration only network"),
        Flag("driver", "d", .string, "Driver to manage the Network", default: "bridge"),
        Flag("gateway", .stringSlice, "IPv4 or IPv6 Gateway for the master subnet"),
        Flag("ingress", "Create swarm routing-mesh network"),
        Flag("internal", "Restrict external access to the network"),
        Flag("ip-range", .stringSlice, "Allocate container ip from a sub-range"),
        Flag("ipam-driver", .string, "IP Address Management Driver", default: "default"),
        Flag("ipam-opt", .map, "Set IPAM driver specific options", default: "map[]"),
        Flag("ipv4", "Enable or disable IPv4 address assignment", default: "true"),
        Flag("ipv6", "Enable or disable IPv6 address assignment"),
        Flag("label", .list, "Set metadata on a network"),
        Flag("opt", "o", .map, "Set driver specific options", default: "map[]"),
        Flag("scope", .string, "Control the network's scope"),
        Flag("subnet", .stringSlice, "Subnet in CIDR format that represents a network segment"),
    ]

    static let inspect: [Flag] = [
        Flag("format", "f", .string, FormatHelp.template),
        Flag("verbose", "v", "Verbose output for diagnostics"),
    ]

    static let list: [Flag] = [
        Flag("filter", "f", .filter, "Provide filter values (e.g. \"driver=bridge\")"),
        Flag("format", .string, FormatHelp.table),
        Flag("no-trunc", "Do not truncate the output"),
        Flag("quiet", "q", "Only display network IDs"),
    ]

    static let remove: [Flag] = [
        Flag("force", "f", "Do not error if the network does not exist")
    ]

    static let prune: [Flag] = [
        Flag("filter", .filter, "Provide filter values (e.g. \"until=<timestamp>\")"),
        Flag("force", "f", "Do not prompt for confirmation"),
    ]

    static let connect: [Flag] = [
        Flag("alias", .stringSlice, "Add network-scoped alias for the container"),
        Flag("driver-opt", .stringSlice, "driver options for the network"),
        Flag(
            "gw-priority", .int,
            "Highest gw-priority provides the default gateway. Accepts positive and negative values."),
        Flag("ip", .string, "IPv4 address (e.g., \"172.30.100.104\")"),
        Flag("ip6", .string, "IPv6 address (e.g., \"2001:db8::33\")"),
        Flag("link", .list, "Add link to another container"),
        Flag("link-local-ip", .stringSlice, "Add a link-local address for the container"),
    ]

    static let disconnect: [Flag] = [
        Flag("force", "f", "Force the container to disconnect from a network")
    ]
}
