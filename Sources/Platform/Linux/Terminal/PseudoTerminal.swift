// SPDX-License-Identifier: Apache-2.0
// Pseudo terminals, opened through descriptors only: pty(7), TIOCGPTPEER.
import CLinux
import Glibc

package enum PseudoTerminal {
    /// Unlocks a freshly opened ptmx and opens its other side without naming a path.
    package static func peer(of master: borrowing OwnedFD) throws(Errno) -> OwnedFD {
        let raw = master.raw
        try check("ioctl(TIOCSPTLCK)") { apus_tty_unlock(raw) }
        return OwnedFD(try check("ioctl(TIOCGPTPEER)") { apus_tty_peer(raw, O_RDWR | O_NOCTTY | O_CLOEXEC) })
    }

    package static func resize(_ fd: Int32, width: UInt16, height: UInt16) throws(Errno) {
        try check("ioctl(TIOCSWINSZ)") { apus_tty_resize(fd, height, width) }
    }

    /// Makes `fd` the controlling terminal of the session this process leads.
    package static func control(_ fd: Int32) throws(Errno) {
        try check("ioctl(TIOCSCTTY)") { apus_tty_control(fd) }
    }
}
