// SPDX-License-Identifier: Apache-2.0
// The network namespace of a container.
package import Linux

/// Holds a network namespace open by descriptor; it is mounted nowhere and ends with its last user.
package final class Sandbox: Sendable {
    /// The namespace's descriptor: hand it to the runtime (duplicate it if the sandbox may end first).
    package let descriptor: OwnedFD

    init(descriptor: consuming OwnedFD) { self.descriptor = descriptor }
}
