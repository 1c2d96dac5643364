// SPDX-License-Identifier: Apache-2.0
// `attach`: the streams of a container that runs already.
import DockerClient
import JSON

/// `apus attach`.
enum AttachCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let client = try call.client()
        let name = call.operands[0]
        let details = try client.json("GET", "/containers/\(URLText.path(name))/json")
        let state = details["State"]
        if state?["Running"]?.bool != true {
            throw CommandError("You cannot attach to a stopped container, start it first")
        }
        if state?["Paused"]?.bool == true {
            throw CommandError("You cannot attach to a paused container, unpause it first")
        }
        if state?["Restarting"]?.bool == true {
            throw CommandError("You cannot attach to a restarting container, wait until it is running")
        }
        let tty = details["Config"]?["Tty"]?.bool ?? false
        let wantsInput = !call.flags.bool("no-stdin") && details["Config"]?["OpenStdin"]?.bool ?? false
        if tty, wantsInput, !call.console.inputIsTerminal { throw CommandError("the input device is not a TTY") }
        let container = AttachedContainer(
            client: client, console: call.console, id: details["Id"]?.string ?? name, tty: tty, stdin: wantsInput,
            detachKeys: call.flags.string("detach-keys").isEmpty
                ? call.settings.configuration()["detachKeys"]?.string ?? "" : call.flags.string("detach-keys"),
            proxiesSignals: call.flags.bool("sig-proxy") && !tty)
        let stream = try container.attach()
        let waiting = try container.wait(removed: false, nextExit: false)
        if tty, let size = Console.size(of: 1) {
            // A size that differs makes the program redraw its screen once the right one follows.
            try? client.perform(
                "POST", "/containers/\(container.id)/resize",
                query: [("h", String(size.rows + 1)), ("w", String(size.columns + 1))])
        }
        if try container.copy(stream, start: {}) == .detached { throw CommandError("read escape sequence") }
        return try AttachedContainer.exitCode(waiting)
    }
}
