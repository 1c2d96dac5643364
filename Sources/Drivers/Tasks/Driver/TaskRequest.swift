// SPDX-License-Identifier: Apache-2.0
// What a driver needs to know to prepare a container or to run a process in one.
package import OCI

/// One container to be prepared.
package struct TaskRequest: Sendable {
    package var containerID: String
    package var spec: RuntimeSpec
    package var rootFilesystem: RootFilesystem
    package var tty = false
    package var openStdin = false
    /// The first client that closes its stdin closes the container's.
    package var stdinOnce = false
    /// A small init of the runtime's own is pid 1 and the command its child.
    package var usesInit = false
    package var log = TaskLog.none
    package var wantsOOMEvents = true
    /// A network namespace to join. Borrowed: the caller keeps it open until `prepare` has returned.
    package var networkNamespace: Int32?
    /// The runtime's name as the user gave it; empty for our own.
    package var runtime = ""

    package init(containerID: String, spec: RuntimeSpec, rootFilesystem: RootFilesystem) {
        self.containerID = containerID
        self.spec = spec
        self.rootFilesystem = rootFilesystem
    }
}

/// The container's root. It is mounted in the container's own mount namespace, never on the host.
package enum RootFilesystem: Sendable, Equatable {
    /// Layers top first; without `upper` the root is read-only.
    case overlay(layers: [String], upper: String?, work: String?)
    case directory(String)
}

/// Where the container's output is kept.
package enum TaskLog: Sendable, Equatable {
    case none
    /// Docker's json-file: rotated beyond `maximumSize` bytes (nil: never), keeping `maximumFiles` files altogether.
    case jsonFile(path: String, maximumSize: Int64? = nil, maximumFiles: Int = 1)
}

/// A process to be executed in a running container.
package struct ExecRequest: Sendable {
    package var execID: String
    package var process: RuntimeSpec.Process
    package var tty = false
    /// The process gets a stdin (a pipe, or the terminal); else it reads /dev/null.
    package var openStdin = false
    /// Without the container's system call filter.
    package var privileged = false
    /// The streams the caller wants in its hands. With a terminal stdout carries all output.
    package var attachStdin = false
    package var attachStdout = false
    package var attachStderr = false

    package init(execID: String, process: RuntimeSpec.Process) {
        self.execID = execID
        self.process = process
    }
}
