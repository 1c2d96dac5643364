// SPDX-License-Identifier: Apache-2.0
// A file descriptor with exactly one owner.
package import Glibc

/// Closes its descriptor when it goes out of scope; `release()` hands it on instead.
package struct OwnedFD: ~Copyable, Sendable {
    package let raw: Int32

    /// Takes ownership of `raw`.
    package init(_ raw: Int32) { self.raw = raw }

    deinit { _ = Glibc.close(raw) }

    /// Gives the descriptor to the caller, who must close it.
    package consuming func release() -> Int32 {
        let fd = raw
        discard self
        return fd
    }

    /// A second descriptor for the same open file, close-on-exec.
    package borrowing func duplicate() throws(Errno) -> OwnedFD {
        let fd = raw
        return OwnedFD(try Linux.check("fcntl") { fcntl(fd, F_DUPFD_CLOEXEC, 3) })
    }

    /// open(2) with O_CLOEXEC added.
    package static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(Errno) -> OwnedFD {
        OwnedFD(try openFile(path, flags | O_CLOEXEC, mode))
    }

    /// pipe2(2), close-on-exec: (read end, write end).
    package static func pipe(flags: Int32 = 0) throws(Errno) -> Pipe {
        var ends: [Int32] = [0, 0]
        try Linux.check("pipe2") { pipe2(&ends, flags | O_CLOEXEC) }
        return Pipe(reader: OwnedFD(ends[0]), writer: OwnedFD(ends[1]))
    }

    private static func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) throws(Errno) -> Int32 {
        while true {
            let fd = Glibc.open(path, flags, mode)
            if fd >= 0 { return fd }
            let code = errno
            if code != EINTR { throw Errno(call: "open \(path)", code: code) }
        }
    }
}

/// The two ends of a pipe.
package struct Pipe: ~Copyable, Sendable {
    package let reader: OwnedFD
    package let writer: OwnedFD

    package init(reader: consuming OwnedFD, writer: consuming OwnedFD) {
        self.reader = reader
        self.writer = writer
    }

    /// Both descriptors, owned by the caller from now on.
    package consuming func release() -> (reader: Int32, writer: Int32) {
        (reader.release(), writer.release())
    }
}
