// SPDX-License-Identifier: Apache-2.0
// The runtime in the foreground of a container: signals go in, the terminal is copied, the exit code comes out.
import CLinux
import Glibc
import Linux

/// Blocks all signals from its making on, so that none is lost, and passes them to the container.
struct Foreground {
    private let signals: Int32
    private var master: Int32 = -1
    private var host: Int32 = -1
    private var saved = termios()
    private var isRaw = false

    /// Nil when the kernel gives no descriptor for signals; the container is then only waited for.
    init?() {
        var all = sigset_t()
        sigfillset(&all)
        sigprocmask(SIG_BLOCK, &all, nil)
        signals = signalfd(-1, &all, Int32(SFD_CLOEXEC))
        if signals < 0 { return nil }
    }

    /// Copies between this program's terminal and the container's.
    mutating func relay(_ master: Int32?) throws {
        guard let master else { return }
        self.master = master
        host = (Int32(0)...2).first { isatty($0) == 1 } ?? -1
        if host < 0 { host = try doing("open /dev/tty") { try OwnedFD.open("/dev/tty", O_RDWR).release() } }
        guard tcgetattr(host, &saved) == 0 else { throw Errno(call: "tcgetattr") }
        var raw = saved
        cfmakeraw(&raw)
        raw.c_oflag |= tcflag_t(OPOST)
        tcsetattr(host, TCSANOW, &raw)
        isRaw = true
        // The container's side leaves line ends to the host's.
        var theirs = termios()
        if tcgetattr(master, &theirs) == 0 {
            theirs.c_oflag &= ~tcflag_t(ONLCR)
            tcsetattr(master, TCSANOW, &theirs)
        }
        resize()
    }

    private func resize() {
        var (rows, columns): (UInt16, UInt16) = (0, 0)
        guard apus_tty_size(host, &rows, &columns) == 0 else { return }
        // A terminal that ends right now has no size to change.
        try? PseudoTerminal.resize(master, width: columns, height: rows)
    }

    mutating func end() {
        if isRaw { tcsetattr(host, TCSANOW, &saved) }
        isRaw = false
    }

    /// Returns the exit code of `pid`.
    mutating func wait(for pid: Int32) -> Int32 {
        var input = master >= 0 ? Int32(0) : -1
        while true {
            // Its end may have been before the first signal was waited for.
            while let (ended, status) = ExitStatus.reap() {
                guard ended == pid else { continue }
                if master >= 0 { while copy(master, to: 1, waiting: 20) {} }
                end()
                return status.code
            }
            var watched = [signals, master, input].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&watched, 3, -1) > 0 else { continue }
            if watched[0].revents != 0 { passSignal(to: pid) }
            if watched[1].revents != 0, !copy(master, to: 1, waiting: 0) { master = -1 }
            if watched[2].revents != 0, !copy(0, to: master, waiting: 0) { input = -1 }
        }
    }

    private func passSignal(to pid: Int32) {
        var bytes = [UInt8](repeating: 0, count: MemoryLayout<signalfd_siginfo>.size)
        guard read(signals, &bytes, bytes.count) == bytes.count else { return }
        let number = Int32(bytes[0])  // ssi_signo comes first, and is small
        switch number {
        case SIGCHLD: break
        case SIGWINCH where master >= 0: resize()
        case SIGURG, SIGPIPE: break
        default: _ = kill(pid, number)
        }
    }

    /// False at the end of the source.
    private func copy(_ source: Int32, to target: Int32, waiting: Int32) -> Bool {
        var watched = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, waiting) > 0 else { return waiting == 0 }
        var buffer = [UInt8](repeating: 0, count: 32 * 1024)
        let count = read(source, &buffer, buffer.count)
        guard count > 0 else { return count < 0 && errno == EINTR }
        var offset = 0
        while offset < count {
            let written = buffer.withUnsafeBytes { write(target, $0.baseAddress?.advanced(by: offset), count - offset) }
            guard written > 0 else { return false }
            offset += written
        }
        return true
    }
}
