// SPDX-License-Identifier: Apache-2.0
// An OCI runtime beside our own: a program with runc's command line.
import Glibc
import Primitives

/// What `runtimes` of daemon.json says of one.
package struct OCIRuntime: Sendable, Equatable {
    /// The program; a name without a slash is looked for where the system's programs are.
    package var path: String
    /// Words before every command.
    package var arguments: [String]

    package init(path: String, arguments: [String] = []) {
        self.path = path
        self.arguments = arguments
    }

    /// Names of our own runtime, among them those by which Docker's users know its default.
    package static let builtIn: Set<String> = ["apus", "runc", "io.containerd.runc.v2"]

    /// The same with the path of a program that is there.
    func located(_ name: String) throws(EngineError) -> OCIRuntime {
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        let candidates = path.hasPrefix("/") ? [path] : folders.map { $0 + "/" + path }
        guard !path.hasPrefix("."), let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw .invalidArgument("unknown or invalid runtime name: \(name): there is no program \(path)")
        }
        return OCIRuntime(path: found, arguments: arguments)
    }
}
