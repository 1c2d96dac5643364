// SPDX-License-Identifier: Apache-2.0
// Signals as bytes on a pipe, so that one poll(2) waits for them together with everything else.
import Glibc

// Unsafe: written before handlers exist, read by the handler only.
private nonisolated(unsafe) var signalPipeWriter: Int32 = -1

/// Catches signals and makes them readable.
enum SignalPipe {
    /// Signals that go on to a container when they hit the client.
    static let forwarded: [Int32] = [
        SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT, SIGTSTP, SIGIO, SIGXCPU,
        SIGVTALRM,
    ]

    /// The descriptor to poll; one byte per signal.
    static func open(_ signals: [Int32]) -> Int32 {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { return -1 }
        signalPipeWriter = ends[1]
        for signal in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let code = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipeWriter, &byte, 1)
                errno = code
            }
            action.sa_flags = Int32(SA_RESTART)
            sigaction(signal, &action, nil)
        }
        return ends[0]
    }

    static func close(_ descriptor: Int32, _ signals: [Int32]) {
        for number in signals { signal(number, SIG_DFL) }
        _ = Glibc.close(descriptor)
        _ = Glibc.close(signalPipeWriter)
        signalPipeWriter = -1
    }
}
