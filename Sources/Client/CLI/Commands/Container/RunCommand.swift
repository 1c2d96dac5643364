// SPDX-License-Identifier: Apache-2.0
// `run` and `create`: make the container (pulling its image when it is missing), and for `run` start it and stay with it.
import DockerClient
import Glibc
import JSON

/// `apus run`, `apus create`.
enum RunCommand {
    static func create(_ call: Invocation) throws -> Int32 {
        call.console.line(try create(call, try request(call, detached: false)))
        return 0
    }

    static func run(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        let detached = flags.bool("detach")
        let tty = flags.bool("tty")
        if !flags.string("detach-keys").isEmpty, DetachKeys.parse(flags.string("detach-keys")) == nil {
            throw ExitError(125, "invalid detach keys (\(flags.string("detach-keys")))", showsHint: true)
        }
        if !detached, tty, flags.bool("interactive"), !call.console.inputIsTerminal {
            throw CommandError("the input device is not a TTY")
        }
        let request = try request(call, detached: detached)
        let id: String
        do { id = try create(call, request) } catch { throw ExitError(hinted: error) }
        let client = try call.client()
        func start() throws {
            try client.perform("POST", "/containers/\(id)/start")
        }
        if detached {
            do { try start() } catch { throw ExitError(startFailure: error) }
            call.console.line(id)
            return 0
        }
        return try attached(call, client, id, request, start)
    }

    private static func attached(
        _ call: Invocation, _ client: DockerClient, _ id: String, _ request: CreateRequest, _ start: () throws -> Void
    ) throws -> Int32 {
        let flags = call.flags
        func isOn(_ key: String) -> Bool { request.config[key]?.bool ?? false }
        let tty = flags.bool("tty")
        let container = AttachedContainer(
            client: client, console: call.console, id: id, tty: tty, stdin: isOn("AttachStdin"),
            stdout: isOn("AttachStdout"),
            stderr: isOn("AttachStderr"),
            detachKeys: flags.string("detach-keys").isEmpty
                ? call.settings.configuration()["detachKeys"]?.string ?? "" : flags.string("detach-keys"),
            proxiesSignals: flags.bool("sig-proxy"))
        if !container.stdin, !container.stdout, !container.stderr {
            do { try start() } catch { throw ExitError(startFailure: error) }
            call.console.line(id)
            return 0
        }
        let stream: HTTPResponse
        let waiting: HTTPResponse
        do {
            stream = try container.attach()
            waiting = try container.wait(removed: flags.bool("rm"), nextExit: true)
        } catch { throw ExitError(startFailure: error) }
        let outcome: StreamSession.Outcome
        do {
            outcome = try container.copy(stream, start: start)
        } catch let error as CommandError {
            throw error
        } catch { throw ExitError(startFailure: error) }
        if outcome == .detached {
            return 0
        }
        call.console.flush()
        do { return try AttachedContainer.exitCode(waiting) } catch let error as ClientError {
            throw ExitError(125, "error waiting for container: \(error)")
        }
    }

    /// What the flags ask for; a wrong flag is a usage error.
    private static func request(_ call: Invocation, detached: Bool) throws -> CreateRequest {
        let policy = call.flags.string("pull")
        guard ["always", "missing", "never", ""].contains(policy) else {
            throw ExitError(
                125, "invalid pull option: '\(policy)': must be one of \"always\", \"missing\" or \"never\"",
                showsHint: true)
        }
        do {
            return try CreateRequest(
                flags: call.flags, operands: call.operands, environment: call.settings.environment,
                proxies: call.settings.proxyVariables(try call.client().endpoint.text), detached: detached)
        } catch { throw ExitError(hinted: error) }
    }

    /// Sends the create request; an image that is missing is pulled first when the policy allows it.
    private static func create(_ call: Invocation, _ request: CreateRequest) throws -> String {
        let flags = call.flags
        let policy = flags.string("pull")
        let cidfile = flags.string("cidfile")
        let reference: String
        do { reference = try ImageName.normalised(request.image) } catch { throw CommandError("\(error)") }
        // Opened before there is a container that nobody would know the ID of.
        let idFile = cidfile.isEmpty ? nil : try ContainerIDFile(cidfile)
        let client = try call.client()
        var query: [(String, String)] = []
        if flags.isSet("name") { query.append(("name", flags.string("name"))) }
        let platform =
            flags.string("platform").isEmpty
            ? call.settings.environment["DOCKER_DEFAULT_PLATFORM"] ?? "" : flags.string("platform")
        if !platform.isEmpty {
            _ = try PlatformText.json(platform, label: "error parsing specified platform: ")
            query.append(("platform", platform))
        }
        var host = request.host
        if let size = Console.size(of: 1) { host["ConsoleSize"] = [.int(Int64(size.rows)), .int(Int64(size.columns))] }
        var object = request.body.object ?? JSONObject()
        object["HostConfig"] = .object(host)
        if flags.isSet("mac-address"), DockerClient.isOlder(try client.apiVersion(), than: "1.44") {
            object["MacAddress"] = .string(flags.string("mac-address"))
        }
        let body = JSONValue.object(object)
        func pull() throws {
            try ImageTransfer.pullForRun(call, reference, platform: platform, quiet: flags.bool("quiet"))
        }
        if policy == "always" { try pull() }
        var answer: JSONValue
        do {
            answer = try client.json("POST", "/containers/create", query: query, body: .json(body))
        } catch let error as ClientError
            where error.status == 404 && policy == "missing" && isMissingImage(error, request.image)
        {
            if !flags.bool("quiet") {
                call.console.err("Unable to find image '\(ImageName.familiar(reference))' locally\n")
            }
            try pull()
            answer = try client.json("POST", "/containers/create", query: query, body: .json(body))
        }
        for warning in answer["Warnings"]?.strings ?? [] { call.console.err("WARNING: \(warning)\n") }
        guard let id = answer["Id"]?.string else { throw CommandError("the daemon answered without a container ID") }
        try idFile?.write(id)
        return id
    }

    private static func isMissingImage(_ error: ClientError, _ image: String) -> Bool {
        Text.contains("\(error)".lowercased(), "no such image")
            || Text.contains("\(error)".lowercased(), "image not found")
            // Another platform of the same name is there; the one that was asked for may be had.
            || Text.contains("\(error)", "does not match the specified platform")
    }
}

/// `--cidfile`: made before the container, removed again when there is none.
final class ContainerIDFile {
    private let path: String
    private let descriptor: Int32
    private var isWritten = false

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CommandError(
                errno == EEXIST
                    ? "container ID file found, make sure the other container isn't running or delete \(path)"
                    : "failed to create the container ID file: open \(path): \(ErrnoText.current)")
        }
    }

    func write(_ id: String) throws {
        guard Console.write(Array(id.utf8), to: descriptor) else {
            throw CommandError("failed to write the container ID to the file: \(ErrnoText.current)")
        }
        isWritten = true
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if !isWritten { unlink(path) }
    }
}

extension ExitError {
    /// A failure before the container ran: 125 and the hint at the help page.
    init(hinted error: any Error) {
        if let exit = error as? ExitError { self = exit } else { self.init(125, "\(error)", showsHint: true) }
    }
}
