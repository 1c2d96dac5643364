// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses as values: parsing, canonical text (RFC 5952), arithmetic.

/// An address of either family. IPv4 compares before IPv6, then by value.
package enum IPAddress: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// The address's bytes in network order: 4 or 16 of them, else nil.
    package init?(bytes: some Collection<UInt8>) {
        func number(_ part: some Sequence<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self = .v4(UInt32(number(bytes)))
        case 16: self = .v6(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// Parses dotted or colon text. Leading zeros in IPv4 numbers are refused, as Go does; zones are not accepted.
    package init?(_ text: some StringProtocol) {
        guard let address = text.utf8.contains(UInt8(ascii: ":")) ? Self.parseV6(text) : Self.parseV4(text) else {
            return nil
        }
        self = address
    }

    package static let anyV4 = IPAddress.v4(0)
    package static let anyV6 = IPAddress.v6(high: 0, low: 0)

    package var isV4: Bool { if case .v4 = self { true } else { false } }
    package var isV6: Bool { !isV4 }

    /// 32 or 128.
    package var bitWidth: Int { isV4 ? 32 : 128 }

    /// Network byte order.
    package var bytes: [UInt8] {
        switch self {
        case .v4(let value): (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
        case .v6(let high, let low):
            [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) } }
        }
    }

    /// 0.0.0.0 or ::
    package var isUnspecified: Bool { self == .anyV4 || self == .anyV6 }

    /// 127.0.0.0/8 or ::1
    package var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// The address `offset` further on, or nil beyond the end of the family.
    package func advanced(by offset: UInt64) -> IPAddress? {
        switch self {
        case .v4(let value):
            guard let step = UInt32(exactly: offset) else { return nil }
            let (sum, overflow) = value.addingReportingOverflow(step)
            return overflow ? nil : .v4(sum)
        case .v6(let high, let low):
            let (sum, carry) = low.addingReportingOverflow(offset)
            if !carry { return .v6(high: high, low: sum) }
            return high == .max ? nil : .v6(high: high + 1, low: sum)
        }
    }

    package var description: String {
        switch self {
        case .v4: bytes.map { String($0) }.joined(separator: ".")
        case .v6(let high, let low): Self.textV6(high, low)
        }
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "IP \(text)"))
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let ah, let al), .v6(let bh, let bl)): (ah, al) < (bh, bl)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }

    private static func parseV4(_ text: some StringProtocol) -> IPAddress? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != 48, let number = UInt8(part)
            else { return nil }
            value = value << 8 | UInt32(number)
        }
        return .v4(value)
    }

    private static func parseV6(_ text: some StringProtocol) -> IPAddress? {
        let characters = Array(text.utf8)
        let colons = characters.indices.dropLast().filter { characters[$0] == 58 && characters[$0 + 1] == 58 }
        guard colons.count <= 1 else { return nil }
        func groups(_ part: ArraySlice<UInt8>, mayEndInV4: Bool) -> [UInt16]? {
            if part.isEmpty { return [] }
            var result: [UInt16] = []
            let fields = part.split(separator: 58, omittingEmptySubsequences: false)
            for (position, field) in fields.enumerated() {
                let word = String(decoding: field, as: UTF8.self)
                if mayEndInV4, position == fields.count - 1, field.contains(46) {
                    guard case .v4(let value)? = parseV4(word) else { return nil }
                    result += [UInt16(value >> 16), UInt16(value & 0xffff)]
                } else {
                    guard (1...4).contains(field.count), field.first != 43, let value = UInt16(word, radix: 16) else {
                        return nil
                    }
                    result.append(value)
                }
            }
            return result
        }
        var words: [UInt16]
        if let gap = colons.first {
            guard let head = groups(characters[..<gap], mayEndInV4: false),
                let tail = groups(characters[(gap + 2)...], mayEndInV4: true), head.count + tail.count < 8
            else { return nil }
            words = head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
        } else {
            guard let all = groups(characters[...], mayEndInV4: true), all.count == 8 else { return nil }
            words = all
        }
        func half(_ part: ArraySlice<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
        return .v6(high: half(words[..<4]), low: half(words[4...]))
    }

    private static func textV6(_ high: UInt64, _ low: UInt64) -> String {
        let words = [high, low].flatMap { half in (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * $0)) } }
        // The longest run of at least two zero words, the first of equals, becomes "::" (RFC 5952, 4.2).
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, words[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(words[...]) }
        return text(words[..<best.lowerBound]) + "::" + text(words[best.upperBound...])
    }
}
