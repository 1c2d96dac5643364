// SPDX-License-Identifier: Apache-2.0
// The terminal of a person while a container has it: raw mode on, and back again whatever happens.
import Glibc

/// Raw mode of descriptor 0 for as long as the object is held; `restore()` is idempotent.
final class RawTerminal {
    private var saved = termios()
    private var isRaw = false

    init() {
        guard tcgetattr(0, &saved) == 0 else { return }
        var raw = saved
        cfmakeraw(&raw)
        isRaw = tcsetattr(0, TCSANOW, &raw) == 0
    }

    /// Signals that end a program which does not pass them on; the terminal must be given back before.
    static let fatal: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE]

    func restore() {
        guard isRaw else { return }
        isRaw = false
        _ = tcsetattr(0, TCSANOW, &saved)
    }

    deinit { restore() }
}
