// SPDX-License-Identifier: Apache-2.0
// Descriptors 0, 1, 2 of a process, as its parent prepared them.
import CLinux
import Glibc
import Linux

/// Where a process reads and writes: the runtime's own streams, given descriptors, or a terminal of the container.
enum StandardStreams {
    case inherited
    case descriptors(input: Int32, output: Int32, error: Int32)
    case terminal

    /// Puts three descriptors on 0, 1 and 2; sources may be among them.
    static func install(_ input: Int32, _ output: Int32, _ error: Int32) throws {
        var sources = [input, output, error]
        for index in sources.indices where sources[index] <= 2 {
            let fd = sources[index]
            sources[index] = try check("fcntl") { fcntl(fd, F_DUPFD_CLOEXEC, 3) }
        }
        for (target, source) in sources.enumerated() {
            try check("dup2") { dup2(source, Int32(target)) }
        }
    }

    /// Makes a terminal the session's own and puts it on 0, 1 and 2.
    static func install(_ terminal: Int32) throws {
        try PseudoTerminal.control(terminal)
        try install(terminal, terminal, terminal)
    }
}
