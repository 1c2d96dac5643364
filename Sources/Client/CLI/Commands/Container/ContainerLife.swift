// SPDX-License-Identifier: Apache-2.0
// start, stop, restart, kill, rm, pause, rename, wait: verbs that change containers.
import DockerClient
import JSON

/// Verbs over one or several containers.
enum ContainerLife {
    private static func path(_ name: String) -> String { "/containers/\(URLText.path(name))" }

    static func start(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        for name in ["checkpoint", "checkpoint-dir"] where flags.isSet(name) {
            throw CommandError("the --\(name) flag is not supported yet")
        }
        let client = try call.client()
        guard flags.bool("attach") || flags.bool("interactive") else {
            var failed: [String] = []
            for name in call.operands {
                do {
                    try client.perform(
                        "POST", "\(path(name))/start",
                        query: flags.isSet("detach-keys") ? [("detachKeys", flags.string("detach-keys"))] : [])
                    call.console.line(name)
                } catch let error as ClientError {
                    if case .cannotConnect = error { throw error }
                    call.console.err("\(error)\n")
                    failed.append(name)
                }
            }
            if failed.isEmpty { return 0 }
            throw CommandError("Error: failed to start containers: \(failed.joined(separator: ", "))")
        }
        guard call.operands.count == 1 else {
            throw CommandError("you cannot start and attach multiple containers at once")
        }
        let details = try client.json("GET", "\(path(call.operands[0]))/json")
        guard let id = details["Id"]?.string else { throw CommandError("the daemon answered without a container ID") }
        let container = AttachedContainer(
            client: client, console: call.console, id: id, tty: details["Config"]?["Tty"]?.bool ?? false,
            stdin: flags.bool("interactive") && details["Config"]?["OpenStdin"]?.bool ?? false,
            detachKeys: flags.string("detach-keys"))
        let stream = try container.attach()
        let waiting = try container.wait(
            removed: details["HostConfig"]?["AutoRemove"]?.bool ?? false, nextExit: true)
        let outcome = try container.copy(stream) { try client.perform("POST", "\(path(id))/start") }
        return outcome == .detached ? 0 : try AttachedContainer.exitCode(waiting)
    }

    static func stop(_ call: Invocation, _ verb: String) throws -> Int32 {
        if call.flags.isSet("time") {
            call.console.line("Flag --time has been deprecated, use --timeout instead")
            if call.flags.givenDirectly("timeout") {
                throw CommandError("conflicting options: cannot specify both --timeout and --time")
            }
        }
        var query: [(String, String)] = []
        if call.flags.isSet("signal") { query.append(("signal", call.flags.string("signal"))) }
        if let seconds = call.flags.optionalInt("timeout") { query.append(("t", String(seconds))) }
        let client = try call.client()
        return try call.forEachOperand { name in
            try client.perform("POST", "\(path(name))/\(verb)", query: query)
            call.console.line(name)
        }
    }

    static func kill(_ call: Invocation) throws -> Int32 {
        let query = call.flags.isSet("signal") ? [("signal", call.flags.string("signal"))] : []
        let client = try call.client()
        return try call.forEachOperand { name in
            try client.perform("POST", "\(path(name))/kill", query: query)
            call.console.line(name)
        }
    }

    static func simple(_ call: Invocation, _ verb: String) throws -> Int32 {
        let client = try call.client()
        return try call.forEachOperand { name in
            try client.perform("POST", "\(path(name))/\(verb)")
            call.console.line(name)
        }
    }

    static func remove(_ call: Invocation) throws -> Int32 {
        var query: [(String, String)] = []
        for (flag, key) in [("force", "force"), ("link", "link"), ("volumes", "v")] where call.flags.bool(flag) {
            query.append((key, "1"))
        }
        let client = try call.client()
        var failed = false
        for name in call.operands {
            let trimmed = name.hasPrefix("/") ? String(name.dropFirst()) : name
            guard !trimmed.isEmpty else { throw CommandError("container name cannot be empty") }
            do {
                try client.perform("DELETE", path(trimmed), query: query)
                call.console.line(name)
            } catch let error as ClientError {
                if case .cannotConnect = error { throw error }
                call.console.err("\(error)\n")
                if !(call.flags.bool("force") && error.status == 404) { failed = true }
            }
        }
        return failed ? 1 : 0
    }

    static func rename(_ call: Invocation) throws -> Int32 {
        let (old, new) = (Text.trimmed(call.operands[0]), Text.trimmed(call.operands[1]))
        guard !old.isEmpty, !new.isEmpty else { throw CommandError("Error: Neither old nor new names may be empty") }
        do {
            try call.client().perform("POST", "\(path(old))/rename", query: [("name", new)])
        } catch let error as ClientError where error.status != nil {
            call.console.err("\(error)\n")
            throw CommandError("Error: failed to rename container named \(old)")
        }
        return 0
    }

    static func wait(_ call: Invocation) throws -> Int32 {
        let client = try call.client()
        return try call.forEachOperand { name in
            let answer = try client.json("POST", "\(path(name))/wait")
            if let message = answer["Error"]?["Message"]?.string, !message.isEmpty { throw CommandError(message) }
            call.console.line(String(answer["StatusCode"]?.int ?? 0))
            call.console.flush()
        }
    }
}
