// SPDX-License-Identifier: Apache-2.0
// What can go wrong between the client and a daemon, in words that users of Docker know.

/// A failure of the client: the daemon cannot be reached, it answered with an error, or what it sent is not the protocol.
package enum ClientError: Error, Sendable, CustomStringConvertible {
    /// Nobody answers at the endpoint.
    case cannotConnect(endpoint: String, reason: String)
    /// The socket exists, but this user may not open it.
    case permissionDenied(endpoint: String, reason: String)
    /// The daemon refused the request; `message` is its text.
    case response(status: Int, message: String)
    /// What arrived is not HTTP as the Engine API speaks it, or the connection ended early.
    case transport(String)
    /// The configuration of the client (contexts, certificates, host strings) is wrong.
    case configuration(String)

    package var description: String {
        switch self {
        case .cannotConnect(let endpoint, let reason):
            endpoint.hasPrefix("unix://") || reason.isEmpty
                ? "Cannot connect to the Docker daemon at \(endpoint). Is the docker daemon running?"
                : "Cannot connect to the Docker daemon at \(endpoint). Is the docker daemon running? (\(reason))"
        case .permissionDenied(let endpoint, let reason):
            "permission denied while trying to connect to the Docker daemon socket at \(endpoint): \(reason)"
        case .response(_, let message): "Error response from daemon: \(message)"
        case .transport(let message), .configuration(let message): message
        }
    }

    /// The HTTP status of a refused request.
    package var status: Int? { if case .response(let status, _) = self { status } else { nil } }
}
