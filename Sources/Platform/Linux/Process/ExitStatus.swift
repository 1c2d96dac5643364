// SPDX-License-Identifier: Apache-2.0
// How a process ended: waitpid(2).
import Glibc

package struct ExitStatus: Sendable, Equatable {
    /// As a shell reports it: 128 + signal when killed.
    package let code: Int32
    /// The signal that killed it, or 0.
    package let signal: Int32

    package init(code: Int32, signal: Int32 = 0) {
        self.code = code
        self.signal = signal
    }

    /// From waitpid's status word.
    package init(waitStatus: Int32) {
        let low = waitStatus & 0x7f
        self.init(code: low == 0 ? (waitStatus >> 8) & 0xff : 128 + low, signal: low)
    }

    /// Reaps one ended child, or nil when none has ended; pid -1 means any.
    package static func reap(_ pid: Int32 = -1, waiting: Bool = false) -> (pid: Int32, status: ExitStatus)? {
        var word: Int32 = 0
        while true {
            let found = waitpid(pid, &word, waiting ? 0 : WNOHANG)
            if found > 0 { return (found, ExitStatus(waitStatus: word)) }
            if found < 0 && errno == EINTR { continue }
            return nil
        }
    }
}
