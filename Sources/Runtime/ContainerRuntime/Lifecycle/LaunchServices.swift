// SPDX-License-Identifier: Apache-2.0
// What the outside world is told while a container is made and removed: hooks, and the agent of a system call filter.
import CLinux
import Glibc
import JSON
import Linux
import OCI

/// Who listens to a filter's notifications.
struct SeccompListener {
    let path: String
    let metadata: String?
}

/// Runs a container's hooks (config.md#posix-platform-hooks) and answers what its first process asks for.
struct LaunchServices {
    let id: String
    let bundle: String
    private let hooks: RuntimeSpec.Hooks
    private let version: String
    private let annotations: StringMap
    private let listener: SeccompListener?
    private let plan: ContainerPlan

    init(_ plan: ContainerPlan, bundle: String? = nil) {
        id = plan.id
        self.bundle = bundle ?? plan.bundle
        hooks = plan.spec.hooks ?? RuntimeSpec.Hooks()
        version = plan.spec.ociVersion
        annotations = plan.spec.annotations
        listener = plan.listener
        self.plan = plan
    }

    /// Whether the first process must wait for hooks of the runtime before it enters its root.
    var hasRuntimeHooks: Bool { !hooks.prestart.isEmpty || !hooks.createRuntime.isEmpty }
    var hasStartHooks: Bool { !hooks.startContainer.isEmpty }
    var hasContainerHooks: Bool { !hooks.createContainer.isEmpty }

    /// Serves a message of the first process that the parent's side has to answer; false for any other.
    func answer(_ message: Handshake?, descriptors: [Int32], pid: Int32, socket: Int32) throws -> Bool {
        switch message {
        case .tree(let index):
            let tree = try MountPreparation.openLate(index, plan, pid: pid)
            try Handshake.send(.tree(index), on: socket, descriptor: tree.raw)
            return true
        case .hooks:
            try runAll(hooks.prestart, "prestart", state("creating", pid))
            try runAll(hooks.createRuntime, "createRuntime", state("creating", pid))
            try Handshake.send(.hooked, on: socket)
            return true
        case .listener:
            defer { for fd in descriptors { _ = close(fd) } }
            guard let fd = descriptors.first else { return true }
            try handOver(fd, pid: pid, status: "creating")
            try Handshake.send(.listening, on: socket)
            return true
        default: return false
        }
    }

    /// In the container's first process: the mount namespace is the container's, the root still the host's.
    func inContainer(pid: Int32) throws {
        try runAll(hooks.createContainer, "createContainer", state("creating", pid))
    }

    /// In the container's first process, right before its program.
    func beforeProgram(pid: Int32, environment: [String]) throws {
        try runAll(hooks.startContainer, "startContainer", state("created", pid), inherited: environment)
    }

    func started(pid: Int32) throws { try runAll(hooks.poststart, "poststart", state("running", pid)) }

    /// A container is gone whether its hooks succeed or not: returns what went wrong.
    func stopped() -> [String] {
        hooks.poststop.enumerated().compactMap { index, hook in
            do {
                try run(hook, "poststop", index, state("stopped", 0))
                return nil
            } catch { return "\(error)" }
        }
    }

    private func state(_ status: String, _ pid: Int32) -> JSONValue {
        var json: JSONObject = ["ociVersion": .string(version), "id": .string(id), "status": .string(status)]
        if pid > 0 { json["pid"] = .int(Int64(pid)) }
        json["bundle"] = .string(bundle)
        if !annotations.isEmpty {
            json["annotations"] = .object(JSONObject(annotations.pairs.map { ($0.key, .string($0.value)) }))
        }
        return .object(json)
    }

    private func runAll(_ list: [RuntimeSpec.Hook], _ name: String, _ state: JSONValue, inherited: [String] = []) throws
    {
        for (index, hook) in list.enumerated() { try run(hook, name, index, state, inherited: inherited) }
    }

    private func run(
        _ hook: RuntimeSpec.Hook, _ name: String, _ index: Int, _ state: JSONValue, inherited: [String] = []
    ) throws {
        try doing("error running \(name) hook #\(index)") {
            let result = try ChildProgram.run(
                hook.path, hook.args, environment: hook.env.isEmpty ? inherited : hook.env, input: state.text(),
                timeout: hook.timeout)
            if let failure = result.failure {
                throw RuntimeError(
                    .internalError, "\(failure), stdout: \(result.output), stderr: \(result.errors)")
            }
        }
    }

    /// Gives the listener of a filter to its agent: config-linux.md#containerprocessstate.
    func handOver(_ fd: Int32, pid: Int32, status: String) throws {
        guard let listener else { throw RuntimeError(.invalid, "seccomp listenerPath is not set") }
        var json: JSONObject = ["ociVersion": .string(version), "fds": ["seccompFd"], "pid": .int(Int64(pid))]
        if let metadata = listener.metadata { json["metadata"] = .string(metadata) }
        json["state"] = state(status, pid)
        try doing("failed to connect with seccomp agent specified in the seccomp profile") {
            let agent = try StreamSocket.connect(listener.path)
            try PacketSocket.send(agent.raw, JSONValue.object(json).serialize(), descriptors: [fd])
        }
    }
}

/// Stream sockets of others, which receive one descriptor: consoles, process descriptors, seccomp agents.
enum StreamSocket {
    static func connect(_ path: String) throws -> OwnedFD {
        let client = OwnedFD(try check("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0) })
        var name = Array(path.utf8)
        if name.count >= 108 {
            // Longer than an address may be: through its folder's descriptor.
            guard let (folder, last) = GuestRoot.split(path) else { throw RuntimeError(.invalid, "socket \(path)") }
            let directory = try OwnedFD.open(folder, O_PATH | O_DIRECTORY)
            name = Array("/proc/self/fd/\(directory.raw)/\(last)".utf8)
            try connect(client.raw, name, path)
            return client
        }
        try connect(client.raw, name, path)
        return client
    }

    private static func connect(_ raw: Int32, _ name: [UInt8], _ path: String) throws {
        guard name.count < 108 else { throw RuntimeError(.invalid, "socket \(path): the path is too long") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        try doing("dial unix \(path)") {
            try check("connect") {
                withUnsafeBytes(of: &address) { apus_connect(raw, $0.baseAddress, socklen_t($0.count)) }
            }
        }
    }

    static func send(_ descriptor: Int32, named name: String, to path: String) throws {
        let client = try connect(path)
        try PacketSocket.send(client.raw, Array(name.utf8), descriptors: [descriptor])
    }
}
