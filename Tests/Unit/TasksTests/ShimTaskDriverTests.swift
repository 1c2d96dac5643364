// SPDX-License-Identifier: Apache-2.0
// The driver against a real shim: needs root, a busybox and the built apus-runtime (APUS_RUNTIME names it).
import AsyncSystem
import CLinux
import Glibc
import Linux
import OCI
import Primitives
import Testing

@testable import Tasks

private let runtimePath = getenv("APUS_RUNTIME").map { String(cString: $0) } ?? ".build/debug/apus-runtime"
private let canRun = getuid() == 0 && access(runtimePath, X_OK) == 0 && access("/bin/busybox", X_OK) == 0

/// A layer with busybox, an upper folder and an execution root of its own.
private final class Ground: Sendable {
    let path: String
    let driver: ShimTaskDriver

    init() throws {
        var template = Array("/tmp/apus-task-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for folder in ["layer/bin", "layer/etc", "upper", "work", "logs"] {
            try TextFile.makeFolders(path + "/" + folder)
        }
        try TextFile.replace(path + "/layer/bin/busybox", with: try TextFile.bytes("/bin/busybox"), mode: 0o755)
        symlink("busybox", path + "/layer/bin/sh")
        try TextFile.replace(
            path + "/layer/etc/passwd", with: Array("root:x:0:0::/root:/bin/sh\n".utf8), mode: 0o644)
        driver = ShimTaskDriver(configuration: .init(runtimePath: runtimePath, execRoot: path + "/exec"))
    }

    func request(_ script: String, _ change: (inout TaskRequest) -> Void = { _ in }) throws -> TaskRequest {
        let id = Identifier.random()
        var configuration = TaskConfiguration(containerID: id, args: ["/bin/busybox", "sh", "-c", script])
        configuration.hostname = "box"
        let root = RootFilesystem.overlay(layers: [path + "/layer"], upper: path + "/upper", work: path + "/work")
        configuration.user = try ResolvedUser.resolve("root", in: root)
        let host = HostFacts.current(defaultCgroupParent: "/apus-tests")
        var request = TaskRequest(
            containerID: id, spec: try OCISpecBuilder(configuration: configuration, host: host).build(),
            rootFilesystem: root)
        request.log = .jsonFile(path: path + "/logs/c-json.log")
        change(&request)
        return request
    }

    deinit {
        removeTree(path)
        // Leftovers here would be the runtime's failure, which the tests above report.
        try? ControlGroup(layout: CgroupLayout.detect(), path: "/apus-tests").remove()
    }

    private func removeTree(_ path: String) {
        for name in ProcFile.names(path) {
            let child = path + "/" + name
            var status = stat()
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                removeTree(child)
            } else {
                unlink(child)
            }
        }
        rmdir(path)
    }
}

private func text(_ stream: TaskStream?) async throws -> String {
    var bytes: [UInt8] = []
    while let chunk = try await stream?.read() { bytes += chunk }
    return String(decoding: bytes, as: UTF8.self)
}

@Suite(
    .enabled(if: canRun, "needs root, /bin/busybox and a built apus-runtime (APUS_RUNTIME)"), .serialized,
    .timeLimit(.minutes(1)))
struct ShimTaskDriverTests {
    @Test func runsAndLeavesNothing() async throws {
        let ground = try Ground()
        let task = try await ground.driver.prepare(ground.request("echo out; echo err >&2; hostname; exit 3"))
        let streams = try await task.attach(stdin: false, stdout: true, stderr: true)
        let start = try await task.start()
        #expect(start.pid > 1)
        async let out = text(streams.stdout)
        async let err = text(streams.stderr)
        #expect(try await out == "out\nbox\n")
        #expect(try await err == "err\n")
        let exit = await task.waitForExit()
        #expect((exit.code, exit.signal, exit.wasLost) == (3, 0, false))
        try await task.remove()
        #expect(try await ground.driver.knownContainers().isEmpty)
        let reader = try LogReader(path: ground.path + "/logs/c-json.log", query: LogQuery())
        #expect(try await reader.nextBatch()?.entries.count == 3)
    }

    @Test func stdinAndExec() async throws {
        let ground = try Ground()
        let request = try ground.request("cat") { ($0.openStdin, $0.stdinOnce) = (true, true) }
        let task = try await ground.driver.prepare(request)
        let streams = try await task.attach(stdin: true, stdout: true, stderr: false)
        _ = try await task.start()
        var exec = ExecRequest(execID: "e1", process: try #require(request.spec.process))
        exec.process.args = ["/bin/busybox", "sh", "-c", "echo exec; exit 7"]
        exec.attachStdout = true
        let (pid, execStreams) = try await task.exec(exec)
        #expect(pid > 1)
        #expect(try await text(execStreams.stdout) == "exec\n")
        #expect(try await task.waitForExec("e1").code == 7)
        try await streams.stdin?.write(Array("hello".utf8))
        streams.stdin?.close()
        #expect(try await text(streams.stdout) == "hello")
        #expect(await task.waitForExit().code == 0)
        try await task.remove()
    }

    @Test func missingCommand() async throws {
        let ground = try Ground()
        let task = try await ground.driver.prepare(ground.request("") { $0.spec.process?.args = ["nope"] })
        let failure = await #expect(throws: TaskError.self) { try await task.start() }
        #expect(failure?.exitCode == 127)
        try await task.remove()
        #expect(try await ground.driver.knownContainers().isEmpty)
    }

    @Test func killPauseAndReconnect() async throws {
        let ground = try Ground()
        let task = try await ground.driver.prepare(ground.request("exec sleep 1000"))
        let start = try await task.start()
        try await task.pause()
        #expect(try await task.state().status == .paused)
        let cgroup = try TaskCgroup(path: "/apus-tests/" + task.containerID)
        #expect(try await cgroup.processes() == [start.pid])
        let statistics = try await cgroup.statistics()
        #expect(statistics.pids == 1)
        #expect(statistics.cpu.totalUsage > 0)
        #expect(statistics.memory.limit > 1 << 20)
        try await task.resume()
        guard case .alive(let second, let state) = try await ground.driver.reconnect(task.containerID) else {
            Issue.record("the shim does not answer a second connection")
            return
        }
        #expect((state.status, state.pid) == (.running, start.pid))
        try await second.kill(signal: SIGKILL)
        let exit = await second.waitForExit()
        #expect((exit.code, exit.signal) == (137, 9))
        #expect(await task.waitForExit() == exit)
        try await task.remove()
        guard case .lost = try await ground.driver.reconnect(task.containerID) else {
            Issue.record("something is left of a removed task")
            return
        }
    }

    @Test func killedShimIsLost() async throws {
        let ground = try Ground()
        let task = try await ground.driver.prepare(ground.request("exec sleep 1000"))
        let start = try await task.start()
        ShimBundle.killShim(ground.path + "/exec/containers/" + task.containerID)
        #expect(await task.waitForExit().wasLost)
        // Nobody but init can reap it: a zombie counts as gone.
        var remaining = ProcessReading(start.pid)
        for _ in 0..<200 where remaining.map({ !$0.state.hasPrefix("Z") }) ?? false {
            try await Task.sleep(for: .milliseconds(10))
            remaining = ProcessReading(start.pid)
        }
        #expect(remaining.map { $0.state.hasPrefix("Z") } ?? true)
        try await ground.driver.discard(task.containerID)
        #expect(try await ground.driver.knownContainers().isEmpty)
    }
}
