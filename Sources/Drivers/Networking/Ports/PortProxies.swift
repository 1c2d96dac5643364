// SPDX-License-Identifier: Apache-2.0
// placeholder
package import Logging
final class PortProxies: Sendable {
    init(logger: Logger) {}
    func start(_ e: Endpoint) {}
    func stop(owner: String) {}
}
