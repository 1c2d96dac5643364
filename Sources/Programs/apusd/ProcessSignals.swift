// SPDX-License-Identifier: Apache-2.0
// Signals to the daemon as values a task can wait for.
import AsyncSystem
import CLinux
import Glibc
import Linux

/// The write end of the pipe that the handler tells its signal; a handler may touch nothing but such a number.
nonisolated(unsafe) private var wakeup: Int32 = -1

/// SIGTERM, SIGINT and SIGHUP through a pipe; SIGPIPE is ignored, writes report it.
struct ProcessSignals: Sendable {
    private let reader: Int32

    static func install() -> ProcessSignals {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { fail("pipe2: \(Errno.message(errno))") }
        wakeup = ends[1]
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT, SIGHUP] {
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(wakeup, &byte, 1)
            }
        }
        return ProcessSignals(reader: ends[0])
    }

    /// The next signal's number.
    func next() async throws -> Int32 {
        while true {
            var byte: UInt8 = 0
            if read(reader, &byte, 1) == 1 { return Int32(byte) }
            try await Reactor.shared.readable(reader)
        }
    }
}
