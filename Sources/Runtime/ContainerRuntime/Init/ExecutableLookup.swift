// SPDX-License-Identifier: Apache-2.0
// Finding the program to run, with the words Docker's users know when it is not there.
import Glibc
import Linux

/// Looks a program up as Go's exec.LookPath does; runs inside the container, as the container's user.
enum ExecutableLookup {
    static func find(_ name: String, environment: [String]) throws -> String {
        if name.contains("/") {
            if let failure = failure(name) { throw failure }
            return name
        }
        let path = environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) } ?? ""
        var denied = false
        for folder in path.split(separator: ":", omittingEmptySubsequences: false) where !path.isEmpty {
            let candidate = (folder.isEmpty ? "." : String(folder)) + "/" + name
            guard let failure = failure(candidate) else { return candidate }
            if failure.kind == .notExecutable && !failure.message.hasSuffix("is a directory") { denied = true }
        }
        if denied { throw RuntimeError(.notExecutable, "exec: \"\(name)\": permission denied") }
        throw RuntimeError(.notFound, "exec: \"\(name)\": executable file not found in $PATH")
    }

    private static func failure(_ path: String) -> RuntimeError? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let code = errno
            let kind: RuntimeError.Kind = code == EACCES || code == EPERM ? .notExecutable : .notFound
            return RuntimeError(kind, "exec: \"\(path)\": stat \(path): \(Errno.message(code))")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            return RuntimeError(.notExecutable, "exec: \"\(path)\": is a directory")
        }
        guard status.st_mode & 0o111 != 0, faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 else {
            return RuntimeError(.notExecutable, "exec: \"\(path)\": permission denied")
        }
        return nil
    }

    /// What execve(2) itself refused.
    static func execFailure(_ path: String, _ code: Int32) -> RuntimeError {
        let kind: RuntimeError.Kind =
            switch code {
            case ENOENT: .notFound
            case EACCES, ENOEXEC, EPERM, EISDIR: .notExecutable
            default: .internalError
            }
        return RuntimeError(kind, "exec \(path): \(Errno.message(code))")
    }
}
