// SPDX-License-Identifier: Apache-2.0
// The bytes of an IP address.
import Glibc

/// Reads IPv4 and IPv6 addresses.
enum AddressBytes {
    static func parse(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
