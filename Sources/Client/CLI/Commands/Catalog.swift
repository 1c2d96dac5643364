// SPDX-License-Identifier: Apache-2.0
// All commands, in one list per noun, and the groups they live in.

/// Finds commands by path.
package enum Catalog {
    package static let commands: [Command] =
        ContainerCommands.all + ImageCommands.all + NetworkCommands.all + VolumeCommands.all + SystemCommands.all
        + CompletionCommand.all + RegistryCommand.all

    package static let groups: [CommandGroup] = [
        CommandGroup(name: "container", summary: "Manage containers"),
        CommandGroup(name: "image", summary: "Manage images"),
        CommandGroup(name: "network", summary: "Manage networks"),
        CommandGroup(name: "system", summary: "Manage Docker"),
        CommandGroup(name: "volume", summary: "Manage volumes"),
    ]

    /// Shown first on the help page of the program.
    static let common = ["run", "exec", "ps", "pull", "push", "images", "version", "info"]

    package static func command(_ path: String) -> Command? { commands.first { $0.paths.contains(path) } }

    package static func group(_ name: String) -> CommandGroup? { groups.first { $0.name == name } }

    /// The commands directly below a group (or, with nil, below the program): name and summary, sorted. Those that
    /// only refuse, and the hidden ones, are left out.
    static func members(of group: String?) -> [(name: String, command: Command)] {
        var members: [(name: String, command: Command)] = []
        for command in commands where !command.acceptsAnything && !command.isHidden {
            let first = command.paths.first { path in
                group.map { path.hasPrefix($0 + " ") } ?? !path.contains(" ")
            }
            if let first { members.append((String(first.split(separator: " ").last ?? ""), command)) }
        }
        return members.sorted { $0.name < $1.name }
    }
}
