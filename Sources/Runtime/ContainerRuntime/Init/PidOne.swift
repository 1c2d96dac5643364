// SPDX-License-Identifier: Apache-2.0
// Our own init: pid 1 of a container that asked for one. It reaps orphans, passes signals on, and ends as its child ends.
import CLinux
import Glibc
import Linux

enum PidOne {
    /// Forks; returns in the child, which becomes the program. The parent stays as pid 1 and never returns.
    static func fork(socket: Int32, terminal: Bool, diesWithParent: Bool) throws {
        apus_block_signals()  // before there is a child: its end must not be missed
        let pid = try check("fork") { Glibc.fork() }
        if pid == 0 {
            setpgid(0, 0)
            if terminal { tcsetpgrp(0, getpgrp()) }  // SIGTTOU is blocked
            return apus_reset_signals()
        }
        _ = apus_prctl(15, UInt(bitPattern: strdup("apus-init")), 0, 0, 0)  // the name that ps shows
        _ = close(socket)
        // It only needs to signal processes of other users, and must not outlive the runtime.
        _ = apus_capset(1 << 5, 1 << 5, 0)
        if diesWithParent { _ = apus_prctl(1, UInt(SIGKILL), 0, 0, 0) }
        _ = apus_close_range(3, UInt32.max, 0)
        serve(pid)
    }

    /// The program as other runtimes' containers have it, bound at /sbin/docker-init: `docker-init -- PROGRAM ARGUMENT…`.
    static func run(_ arguments: [String]) -> Int32 {
        var words = arguments.dropFirst()
        if words.first == "--" { words = words.dropFirst() }
        guard let name = words.first else { return 127 }
        do {
            apus_block_signals()
            let pid = try check("fork") { Glibc.fork() }
            if pid > 0 { serve(pid) }
            setpgid(0, 0)
            if isatty(0) == 1 { tcsetpgrp(0, getpgrp()) }
            apus_reset_signals()
            let path = try ExecutableLookup.find(
                name, environment: getenv("PATH").map { ["PATH=" + String(cString: $0)] } ?? [])
            let code = withStringArray(Array(words)) { arguments in
                _ = apus_execute(path, arguments)
                return errno
            }
            throw Errno(call: "exec \(name)", code: code)
        } catch {
            let failure = RuntimeError(error)
            let line = "docker-init: \(failure.message)\n"
            _ = write(2, line, line.utf8.count)
            return failure.kind == .notExecutable ? 126 : 127
        }
    }

    private static func serve(_ child: Int32) -> Never {
        while true {
            var number: Int32 = 0
            guard apus_wait_signal(&number) == 0 else { continue }
            if number != SIGCHLD {
                _ = kill(child, number)
                continue
            }
            while let (pid, status) = ExitStatus.reap() {
                if pid == child { _exit(status.code) }
            }
        }
    }
}
