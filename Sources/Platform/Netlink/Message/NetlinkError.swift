// SPDX-License-Identifier: Apache-2.0
// What the kernel answered to a refused netlink request.
import Linux

/// An errno with the request's name and, where the kernel gave one, its own explanation (extended ack).
package struct NetlinkError: Error, Sendable, Equatable, CustomStringConvertible {
    package let request: String
    package let code: Int32
    package let explanation: String?

    package init(request: String, code: Int32, explanation: String?) {
        self.request = request
        self.code = code
        self.explanation = explanation
    }

    package var description: String {
        "\(request): \(Errno.message(code))" + (explanation.map { " (\($0))" } ?? "")
    }
}
