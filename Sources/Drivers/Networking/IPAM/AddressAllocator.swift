// SPDX-License-Identifier: Apache-2.0
// Which addresses of one IPv4 pool are taken. Pure: what is saved are the endpoints that hold the addresses.
import Primitives

/// Gives out the lowest free address, as Docker's users expect: the first container gets the one after the gateway.
struct AddressAllocator: Sendable {
    private let first: UInt32
    private let last: UInt32
    private let subnet: CIDR
    private let reserved: Set<UInt32>
    private var taken: Set<UInt32> = []
    /// No address below this one is free.
    private var hint: UInt32

    /// Nil for pools that are not IPv4.
    init?(_ pool: NetworkPool) {
        guard case .v4(let base) = pool.subnet.network.address, case .v4(let top) = pool.subnet.last else { return nil }
        let range = pool.range ?? pool.subnet
        guard case .v4(let low) = range.network.address, case .v4(let high) = range.last else { return nil }
        subnet = pool.subnet
        // Network and broadcast address are nobody's, except where a subnet has only two addresses (RFC 3021) or one.
        let isTiny = pool.subnet.prefix >= 31
        first = isTiny ? low : max(low, base + 1)
        last = isTiny ? high : min(high, top - 1)
        reserved = Set(
            ([pool.gateway].compactMap(\.self) + pool.auxiliary.values).compactMap {
                if case .v4(let value) = $0 { value } else { nil }
            })
        hint = first
    }

    var count: Int { taken.count }

    /// A free address, or nil when there is none.
    mutating func allocate() -> IPAddress? {
        guard first <= last else { return nil }
        var candidate = hint
        while taken.contains(candidate) || reserved.contains(candidate) {
            if candidate >= last { return nil }
            candidate += 1
        }
        guard candidate <= last else { return nil }
        taken.insert(candidate)
        hint = candidate
        return .v4(candidate)
    }

    /// Takes this very address; false if it is taken, reserved or outside the subnet.
    mutating func claim(_ address: IPAddress) -> Bool {
        guard case .v4(let value) = address, subnet.contains(address), !reserved.contains(value) else { return false }
        return taken.insert(value).inserted
    }

    mutating func release(_ address: IPAddress) {
        guard case .v4(let value) = address, taken.remove(value) != nil else { return }
        if value >= first, value < hint { hint = value }
    }
}
