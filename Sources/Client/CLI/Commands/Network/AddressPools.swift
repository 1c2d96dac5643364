// SPDX-License-Identifier: Apache-2.0
// `--subnet`, `--ip-range`, `--gateway` and `--aux-address` of `network create`, sorted into pools.
import DockerClient
import JSON

/// The address pools of a new network.
enum AddressPools {
    /// Ranges, gateways and auxiliary addresses go to the subnet they lie in.
    static func json(_ flags: FlagValues) throws -> [JSONValue] {
        let subnets = flags.slice("subnet")
        let ranges = flags.slice("ip-range")
        let gateways = flags.slice("gateway")
        let auxiliary = flags.list("aux-address")
        if subnets.count < ranges.count || subnets.count < gateways.count {
            throw CommandError("every ip-range or gateway must have a corresponding subnet")
        }
        var pools: [(subnet: String, fields: JSONObject)] = []
        for subnet in subnets {
            let first = CIDRText(subnet)
            for other in pools where first.map({ CIDRText(other.subnet)?.overlaps($0) ?? false }) ?? false {
                throw CommandError("multiple overlapping subnet configuration is not supported")
            }
            pools.append((subnet, ["Subnet": .string(subnet)]))
        }
        func place(_ address: String, _ what: String, _ key: String) throws {
            let bare = Text.cut(address, "/")?.before ?? address
            guard let index = pools.firstIndex(where: { CIDRText($0.subnet)?.contains(bare) == true }) else {
                throw CommandError("no matching subnet for \(what) \(address)")
            }
            if pools[index].fields[key] != nil {
                throw CommandError("multiple \(what)s specified for subnet \(pools[index].subnet)")
            }
            pools[index].fields[key] = .string(address)
        }
        for range in ranges { try place(range, "range", "IPRange") }
        for gateway in gateways { try place(gateway, "gateway", "Gateway") }
        for text in auxiliary {
            let (name, address) = Text.cut(text, "=") ?? (text, "")
            guard let index = pools.firstIndex(where: { CIDRText($0.subnet)?.contains(address) == true }) else {
                throw CommandError("no matching subnet for aux-address \(address)")
            }
            var addresses = pools[index].fields["AuxiliaryAddresses"]?.object ?? JSONObject()
            addresses[name] = .string(address)
            pools[index].fields["AuxiliaryAddresses"] = .object(addresses)
        }
        return pools.map { .object($0.fields) }
    }
}

/// A subnet, for finding the pool an address belongs to.
struct CIDRText {
    private let network: [UInt8]
    private let length: Int

    init?(_ text: String) {
        guard let (address, bits) = Text.cut(text, "/"), let length = Int(bits),
            let bytes = AddressBytes.parse(address),
            (0...bytes.count * 8).contains(length)
        else { return nil }
        network = bytes
        self.length = length
    }

    func overlaps(_ other: CIDRText) -> Bool {
        guard network.count == other.network.count else { return false }
        return CIDRText.equal(network, other.network, bits: min(length, other.length))
    }

    private static func equal(_ left: [UInt8], _ right: [UInt8], bits: Int) -> Bool {
        (0..<bits).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return left[bit / 8] & mask == right[bit / 8] & mask
        }
    }

    func contains(_ address: String) -> Bool {
        guard let bytes = AddressBytes.parse(address), bytes.count == network.count else { return false }
        return CIDRText.equal(bytes, network, bits: length)
    }
}
