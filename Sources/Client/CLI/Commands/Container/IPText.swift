// SPDX-License-Identifier: Apache-2.0
// Is this text an IP address?
import Glibc

/// Checks of addresses before they are sent.
enum IPText {
    static func isAddress(_ text: String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET, text, &buffer) == 1 || inet_pton(AF_INET6, text, &buffer) == 1
    }
}
