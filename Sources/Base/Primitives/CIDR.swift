// SPDX-License-Identifier: Apache-2.0
// An address with its prefix length: a subnet, or an interface's address in it.

/// `10.0.0.1/24`. The host bits are kept, as an interface's address needs them; `network` clears them.
package struct CIDR: Hashable, Sendable, CustomStringConvertible, Codable {
    package let address: IPAddress
    package let prefix: Int

    package init?(_ address: IPAddress, prefix: Int) {
        guard (0...address.bitWidth).contains(prefix) else { return nil }
        self.address = address
        self.prefix = prefix
    }

    /// Parses `address/prefix`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
            let prefix = Int(parts[1])
        else { return nil }
        self.init(address, prefix: prefix)
    }

    /// The subnet: host bits cleared.
    package var network: CIDR { CIDR(unchecked: masked(), prefix) }

    /// The highest address of the subnet; IPv4's broadcast address.
    package var last: IPAddress {
        switch masked() {
        case .v4(let value): .v4(value | ~Self.mask32(prefix))
        case .v6(let high, let low):
            .v6(high: high | ~Self.mask64(min(prefix, 64)), low: low | ~Self.mask64(max(prefix - 64, 0)))
        }
    }

    /// How many addresses the subnet has, capped at 2^63.
    package var count: UInt64 {
        let bits = address.bitWidth - prefix
        return bits >= 63 ? 1 << 63 : 1 << UInt64(bits)
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.isV4 == address.isV4 && masked() <= other && other <= last
    }

    package func overlaps(_ other: CIDR) -> Bool {
        other.address.isV4 == address.isV4 && (contains(other.masked()) || other.contains(masked()))
    }

    package var description: String { "\(address)/\(prefix)" }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = CIDR(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "CIDR \(text)"))
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private init(unchecked address: IPAddress, _ prefix: Int) {
        self.address = address
        self.prefix = prefix
    }

    private func masked() -> IPAddress {
        switch address {
        case .v4(let value): .v4(value & Self.mask32(prefix))
        case .v6(let high, let low):
            .v6(high: high & Self.mask64(min(prefix, 64)), low: low & Self.mask64(max(prefix - 64, 0)))
        }
    }

    private static func mask32(_ prefix: Int) -> UInt32 { prefix == 0 ? 0 : .max << UInt32(32 - prefix) }
    private static func mask64(_ prefix: Int) -> UInt64 { prefix == 0 ? 0 : .max << UInt64(64 - prefix) }
}
