// SPDX-License-Identifier: Apache-2.0
// Ethernet addresses, and the rule by which a container's follows from its IP address.

/// Six bytes, printed as `02:42:ac:11:00:02`.
package struct MACAddress: Hashable, Sendable, CustomStringConvertible, Codable {
    package let bytes: [UInt8]

    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Parses six hexadecimal pairs, separated by colons or dashes.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        let values = parts.compactMap { $0.utf8.count == 2 && $0.first != "+" ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, values.count == 6 else { return nil }
        self.bytes = values
    }

    /// Docker's rule for bridges: 02:42 and the four bytes of the IPv4 address, so that a reused address has the same
    /// neighbour entry. Nil for IPv6.
    package init?(derivedFrom address: IPAddress) {
        guard address.isV4 else { return nil }
        bytes = [0x02, 0x42] + address.bytes
    }

    /// A locally administered address below 02:42, for bridges.
    package static func random() -> MACAddress {
        MACAddress(unchecked: [0x02, 0x42] + (0..<4).map { _ in UInt8.random(in: 0...255) })
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = MACAddress(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "MAC \(text)"))
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
