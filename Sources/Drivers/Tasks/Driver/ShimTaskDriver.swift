// SPDX-License-Identifier: Apache-2.0
// The driver of ordinary containers: one apus-runtime shim per container, which outlives the daemon.
import AsyncSystem
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives
import Synchronization

/// Spawns shims and finds them again. A container's files are in `<exec-root>/containers/<id>/`: the bundle
/// (`config.json`,
/// `rootfs`), `shim.json`, the shim's socket, and in the end its exit record.
package final class ShimTaskDriver: TaskDriver {
    package struct Configuration: Sendable {
        /// The apus-runtime program.
        package var runtimePath: String
        package var execRoot: String
        /// OCI runtimes beside our own, by name.
        package var runtimes: [String: OCIRuntime]

        package init(runtimePath: String, execRoot: String, runtimes: [String: OCIRuntime] = [:]) {
            self.runtimePath = runtimePath
            self.execRoot = execRoot
            self.runtimes = runtimes
        }
    }

    private let configuration: Configuration

    package init(configuration: Configuration) { self.configuration = configuration }

    /// Another runtime of that name; nil means our own.
    private func runtime(_ name: String) throws(EngineError) -> OCIRuntime? {
        if let runtime = configuration.runtimes[name] { return try runtime.located(name) }
        if name.isEmpty || OCIRuntime.builtIn.contains(name) { return nil }
        throw .invalidArgument("unknown or invalid runtime name: \(name)")
    }

    private func folder(_ containerID: String) throws(EngineError) -> String {
        guard !containerID.isEmpty, !containerID.hasPrefix("."), !containerID.utf8.contains(UInt8(ascii: "/")) else {
            throw .invalidArgument("invalid container id: \(containerID)")
        }
        return configuration.execRoot + "/containers/" + containerID
    }

    package func prepare(_ request: TaskRequest) async throws -> any RunningTask {
        let other = try self.runtime(request.runtime)
        let folder = try folder(request.containerID)
        let runtime = configuration.runtimePath
        let cache = configuration.execRoot + "/seccomp"
        let (process, control) = try await Blocking.run {
            do {
                try ShimBundle.write(request, other, initProgram: runtime, to: folder)
                return try Self.spawn(
                    runtime, folder, seccompCache: cache, networkNamespace: request.networkNamespace)
            } catch {
                ShimBundle.remove(folder)
                throw error
            }
        }
        return ShimTask(
            containerID: request.containerID, folder: folder, cgroupPath: request.spec.linux?.cgroupsPath,
            connection: ShimConnection(OwnedFD(control)), shimProcess: process)
    }

    /// posix_spawn of the shim with descriptor 3 as its end of the control connection. Nothing of ours runs between
    /// fork and exec.
    private static func spawn(
        _ runtime: String, _ folder: String, seccompCache: String, networkNamespace: Int32?
    ) throws -> (process: pid_t, control: Int32) {
        let (ours, theirs) = try PacketSocket.pair()
        defer { _ = close(theirs) }
        var arguments = [runtime, "shim", "--bundle", folder, "--run-dir", folder, "--seccomp-cache", seccompCache]
        var map: [Int32] = [theirs, 3]
        if let networkNamespace {
            arguments += ["--netns-fd", "4"]
            map += [networkNamespace, 4]
        }
        map += [-1, -1]
        var process: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]) { envp in
                apus_spawn(&process, runtime, argv, envp, map, 1)
            }
        }
        guard code == 0 else {
            _ = close(ours)
            throw EngineError.internalError(
                "cannot run \(runtime): \(Errno.message(code))", cause: Errno(call: "posix_spawn", code: code))
        }
        return (process, ours)
    }

    package func reconnect(_ containerID: String) async throws -> ReconnectedTask {
        let folder = try folder(containerID)
        let (control, cgroupPath): (Int32?, String?) = try await Blocking.run {
            // No listener: the shim has ended, whatever its files say.
            let socket = try? PacketSocket.connect(path: folder + "/shim.sock").release()
            return (socket, ShimBundle.cgroupPath(folder))
        }
        if let control {
            let task = ShimTask(
                containerID: containerID, folder: folder, cgroupPath: cgroupPath,
                connection: ShimConnection(OwnedFD(control)), shimProcess: nil)
            do {
                let state = try await task.state()
                task.adopt(state)
                return .alive(task, state)
            } catch is TaskError {
                // It ended between connecting and asking.
                task.disconnect()
            }
        }
        return try await Blocking.run { ShimBundle.exitRecord(folder) }.map { .exited($0) } ?? .lost
    }

    package func knownContainers() async throws -> [String] {
        let root = configuration.execRoot + "/containers"
        return try await Blocking.run { ProcFile.names(root).sorted() }
    }

    package func discard(_ containerID: String) async throws {
        let folder = try folder(containerID)
        try await Blocking.run {
            let cgroupPath = ShimBundle.cgroupPath(folder)
            ShimBundle.killShim(folder)
            try ShimBundle.discard(folder, cgroupPath: cgroupPath)
        }
    }
}

/// Null-terminated C strings for argv and envp.
func withCStrings<R>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with one element has an address") }
        return body(base)
    }
}
