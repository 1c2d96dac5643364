// SPDX-License-Identifier: Apache-2.0
// Keeps the runtime's own program file out of containers' reach (CVE-2019-5736).
import CLinux
import Glibc
import Linux

/// Before the container's program starts, /proc/self/exe of its process is this program. A container that opens it for writing
/// would change the host's runtime. So the program runs again from a read-only view of its file that exists nowhere in the tree.
package enum SelfProtection {
    /// Executes the same program again, once; returns when it already runs protected.
    package static func ensure(arguments: [String]) throws {
        var status = statvfs()
        guard statvfs("/proc/self/exe", &status) == 0 else { throw Errno(call: "statvfs /proc/self/exe") }
        if status.f_flag & 1 != 0 { return }  // ST_RDONLY
        let view = try readonlyView()
        // No close-on-exec: the kernel resolves the path while it executes.
        let path = "/proc/self/fd/\(view.raw)"
        let code = withStringArray(arguments) { arguments in
            _ = apus_execute(path, arguments)
            return errno
        }
        throw Errno(call: "execve \(path)", code: code)
    }

    private static func readonlyView() throws -> OwnedFD {
        let tree = try DetachedMount.bind(AT_FDCWD, "/proc/self/exe", recursive: false)
        try tree.change(set: .readonly)
        return try tree.fd.duplicate()
    }
}
