// SPDX-License-Identifier: Apache-2.0
// A content digest: the algorithm and the hash that name a blob.

/// `sha256:` followed by 64 lower-case hexadecimal digits (OCI image specification, descriptor.md, "Digests").
/// sha512 is understood too; anything else is refused, so that a digest can be used as a file name without further thought.
package struct Digest: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    package let algorithm: String
    package let hex: String

    package init(parsing text: String) throws(EngineError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Self.lengths[String(parts[0])], parts[1].utf8.count == length,
            parts[1].utf8.allSatisfy(Self.isHexDigit)
        else { throw .invalidArgument("invalid checksum digest format: \(text.prefix(200))") }
        algorithm = String(parts[0])
        hex = String(parts[1])
    }

    /// The caller vouches for 64 lower-case digits, as a hash function's output is.
    package init(sha256Hex hex: String) {
        algorithm = "sha256"
        self.hex = hex
    }

    /// Writes the 32 bytes of a SHA-256 as a digest.
    package init(sha256 bytes: some Sequence<UInt8>) {
        self.init(sha256Hex: hexString(bytes))
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { "\(algorithm):\(hex)" }

    /// The first twelve digits, as tables show them.
    package var short: String { String(hex.prefix(12)) }

    package static func < (left: Digest, right: Digest) -> Bool { left.description < right.description }

    private static let lengths = ["sha256": 64, "sha512": 128]

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

/// Bytes as lower-case hexadecimal digits.
package func hexString(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    out.reserveCapacity(bytes.underestimatedCount * 2)
    for byte in bytes {
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
}
