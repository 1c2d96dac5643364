// SPDX-License-Identifier: Apache-2.0
// The files by which daemon and shim know a container: bundle, shim.json, exit record.
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Primitives

enum ShimBundle {
    /// Makes the container's folder. One that exists already belongs to a container that was not discarded: refused.
    /// `runtime` makes the container when it is not our own; `initProgram` is what such a one gets for `--init`.
    static func write(_ request: TaskRequest, _ runtime: OCIRuntime?, initProgram: String, to folder: String) throws {
        let parent = folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]
        try TextFile.makeFolders(String(parent), mode: 0o711)
        if mkdir(folder, 0o711) != 0 {
            guard errno == EEXIST else { throw Errno(call: "mkdir \(folder)") }
            throw EngineError.conflict("container \(request.containerID) has a task already")
        }
        try check("mkdir") { mkdir(folder + "/rootfs", 0o755) }
        try writeFile(folder + "/config.json", request.spec.json.serialize())
        try writeFile(folder + "/shim.json", shimDocument(request, runtime, initProgram: initProgram).serialize())
    }

    private static func writeFile(_ path: String, _ bytes: [UInt8]) throws(Errno) {
        let file = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        let raw = file.raw
        var offset = 0
        while offset < bytes.count {
            let start = offset
            offset += try checkLength("write") {
                bytes.withUnsafeBytes { $0.baseAddress.map { Glibc.write(raw, $0 + start, bytes.count - start) } ?? 0 }
            }
        }
    }

    static func shimDocument(_ request: TaskRequest, _ runtime: OCIRuntime? = nil, initProgram: String = "")
        -> JSONValue
    {
        var root: JSONObject
        switch request.rootFilesystem {
        case .directory(let path): root = ["type": "bind", "source": .string(path)]
        case .overlay(let layers, let upper, let work):
            root = ["type": "overlay", "layers": .array(layers.map { .string($0) })]
            if let upper { root["upper"] = .string(upper) }
            if let work { root["work"] = .string(work) }
            if !UserNamespace.isInitial { root["extraOptions"] = ["userxattr"] }
        }
        root["readonly"] = .bool(request.spec.root?.readonly ?? false)
        if request.spec.linux?.uidMappings.isEmpty == false { root["mapped"] = true }
        let log: JSONValue
        switch request.log {
        case .none: log = ["driver": "none"]
        case .jsonFile(let path, let size, let files):
            log = [
                "driver": "json-file", "path": .string(path), "maxSize": .int(size ?? 0), "maxFile": .int(Int64(files)),
            ]
        }
        var other = JSONValue.null
        if let runtime {
            other = [
                "name": .string(request.runtime), "path": .string(runtime.path),
                "args": .array(runtime.arguments.map { .string($0) }),
            ]
        }
        return [
            "runtime": other, "initProgram": .string(initProgram), "id": .string(request.containerID),
            "rootfs": .object(root), "tty": .bool(request.tty),
            "openStdin": .bool(request.openStdin), "stdinOnce": .bool(request.stdinOnce),
            "init": .bool(request.usesInit), "log": log, "oomEvents": .bool(request.wantsOOMEvents),
        ]
    }

    /// The shim's last words; nil when it had none or they are damaged.
    static func exitRecord(_ folder: String) -> TaskExit? {
        guard let bytes = ProcFile.bytes(folder + "/exit"), let record = (try? JSONValue.parse(bytes))?.object else {
            return nil
        }
        return exit(record)
    }

    /// `{"code","signal","oomKilled","exitedAt"}`, as in the exit record, the exit event and the state.
    static func exit(_ record: JSONObject) -> TaskExit? {
        guard let code = record["code"]?.int else { return nil }
        return TaskExit(
            code: Int32(clamping: code), signal: Int32(clamping: record["signal"]?.int ?? 0),
            oomKilled: record["oomKilled"]?.bool ?? false,
            exitedAt: record["exitedAt"]?.string.flatMap { Timestamp(rfc3339: $0) } ?? .now())
    }

    static func cgroupPath(_ folder: String) -> String? {
        guard let bytes = ProcFile.bytes(folder + "/config.json"), let config = try? JSONValue.parse(bytes) else {
            return nil
        }
        return config["linux"]?["cgroupsPath"]?.string
    }

    /// Ends a shim that still serves its socket; the kernel then ends the container. The peer's credentials name the
    /// process.
    static func killShim(_ folder: String) {
        guard let descriptor = try? PacketSocket.connect(path: folder + "/shim.sock").release() else { return }
        let socket = OwnedFD(descriptor)
        var process: pid_t = 0
        var user: uid_t = 0
        var group: gid_t = 0
        guard apus_peer_credentials(socket.raw, &process, &user, &group) == 0, process > 1 else { return }
        _ = kill(process, SIGKILL)
        // The end of the stream says that the process has gone.
        var wait = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        while poll(&wait, 1, 2000) > 0, (try? PacketSocket.receive(socket.raw)) != nil {}
    }

    /// Kills what is left in the cgroup, then removes cgroup and folder; the first failure is thrown at the end.
    static func discard(_ folder: String, cgroupPath: String?) throws {
        var failure: (any Error)?
        if let cgroupPath, !cgroupPath.isEmpty, cgroupPath != "/" {
            do {
                try ControlGroup(layout: try CgroupLayout.detect(), path: cgroupPath).destroy()
            } catch {
                failure = error
            }
        }
        remove(folder)
        if let failure { throw failure }
    }

    /// Removes the folder. It holds files, the empty `rootfs`, and what another runtime knows of its container: any other folder
    /// that is not empty is left alone.
    static func remove(_ folder: String) {
        for name in ProcFile.names(folder) {
            let path = folder + "/" + name
            if name == "runtime" { for container in ProcFile.names(path) { remove(path + "/" + container) } }
            if unlink(path) != 0, errno == EISDIR || errno == EPERM { _ = rmdir(path) }
        }
        _ = rmdir(folder)
    }
}
