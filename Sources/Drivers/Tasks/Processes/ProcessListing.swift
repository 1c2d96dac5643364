// SPDX-License-Identifier: Apache-2.0
// Running ps(1) of the host, for arguments that we do not print ourselves.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Primitives

enum ProcessListing {
    private static let maximumOutput = 16 << 20

    /// The output of `ps <arguments>`; its complaint becomes the error.
    static func run(_ arguments: [String]) async throws -> String {
        try await Blocking.onOwnThread {
            let (output, errors, status) = try runNow(arguments)
            guard status == 0 else {
                let complaint = errors.split(separator: "\n").joined(separator: " ")
                throw EngineError.internalError("ps: exit status \(status >> 8 & 0xFF): \(complaint)")
            }
            return output
        }
    }

    private static func runNow(_ arguments: [String]) throws -> (output: String, errors: String, status: Int32) {
        guard let program = (["/usr/bin/ps", "/bin/ps"] as [String]).first(where: { access($0, X_OK) == 0 }) else {
            throw EngineError.internalError("exec: \"ps\": executable file not found in $PATH")
        }
        let output = try OwnedFD.pipe().release()
        let errors = try OwnedFD.pipe().release()
        defer {
            _ = close(output.reader)
            _ = close(errors.reader)
        }
        var process: pid_t = 0
        let map: [Int32] = [output.writer, 1, errors.writer, 2, -1, -1]
        let code = withCStrings([program] + arguments) { argv in
            withCStrings(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]) { envp in
                apus_spawn(&process, program, argv, envp, map, 0)
            }
        }
        _ = close(output.writer)
        _ = close(errors.writer)
        guard code == 0 else { throw Errno(call: "posix_spawn ps", code: code) }
        let text = readAll(output.reader)
        let complaint = readAll(errors.reader)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (text, complaint, status)
    }

    private static func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < maximumOutput {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            bytes.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
