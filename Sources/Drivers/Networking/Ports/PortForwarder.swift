// SPDX-License-Identifier: Apache-2.0
// Who carries published ports into this network namespace, when it is not the machine's own.

/// A daemon without privileges lives in a network namespace of its own; a program outside holds the machine's ports and
/// forwards what reaches them to the same port in here, where the firewall finds it as always. Calls block shortly.
package protocol PortForwarder: Sendable {
    /// Throws when the machine's port cannot be had.
    func add(_ binding: PortBinding) throws
    func remove(_ binding: PortBinding) throws
    /// Ends every forward that is not one of these: what a killed daemon left behind. Adds those that are missing.
    func keep(only bindings: [PortBinding]) throws
}
