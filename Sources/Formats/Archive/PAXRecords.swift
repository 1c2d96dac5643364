// SPDX-License-Identifier: Apache-2.0
// The records of a PAX extended header, `length key=value\n`, and the values they may have.

/// What an extended header says about the member behind it. An empty value means "as the header says" and is left out.
struct PAXRecords {
    private(set) var fields: [String: [UInt8]] = [:]

    init() {}

    init(parsing bytes: [UInt8]) throws(TarError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.prefix(20).firstIndex(of: UInt8(ascii: " ")),
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 2,
                length <= rest.count, rest[rest.startIndex + length - 1] == UInt8(ascii: "\n"),
                let equals = rest[space..<(rest.startIndex + length)].firstIndex(of: UInt8(ascii: "="))
            else { throw .badHeader("PAX record") }
            let end = rest.startIndex + length
            let key = rest[(space + 1)..<equals]
            guard !key.isEmpty, !key.contains(0) else { throw .badHeader("PAX record") }
            let value = Array(rest[(equals + 1)..<(end - 1)])
            fields[String(decoding: key, as: UTF8.self)] = value.isEmpty ? nil : value
            rest = rest[end...]
        }
    }

    func decimal(_ key: String) throws(TarError) -> Int64? {
        guard let bytes = fields[key] else { return nil }
        guard let value = Int64(String(decoding: bytes, as: UTF8.self)) else { throw .badHeader(key) }
        return value
    }

    func path(_ key: String) throws(TarError) -> PathBytes? {
        guard let bytes = fields[key] else { return nil }
        guard !bytes.contains(0) else { throw .badHeader(key) }
        return PathBytes(bytes)
    }

    /// `mtime`: `seconds[.fraction]`, either sign, as seconds and the nanoseconds that are added to them.
    func time() throws(TarError) -> (seconds: Int64, nanoseconds: Int64)? {
        guard let bytes = fields["mtime"] else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: ".", maxSplits: 1)
        guard let whole = parts.first, let seconds = Int64(whole) else { throw .badHeader("mtime") }
        guard parts.count > 1 else { return (seconds, 0) }
        let digits = parts[1].prefix(9)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), var nanoseconds = Int64(digits) else {
            throw .badHeader("mtime")
        }
        for _ in digits.utf8.count..<9 { nanoseconds *= 10 }
        guard text.hasPrefix("-"), nanoseconds > 0 else { return (seconds, nanoseconds) }
        guard seconds > .min else { throw .badHeader("mtime") }
        return (seconds - 1, 1_000_000_000 - nanoseconds)
    }

    /// Extended attributes by full name.
    var attributes: [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for (key, value) in fields where key.hasPrefix(Self.attributePrefix) {
            found[String(key.dropFirst(Self.attributePrefix.count))] = value
        }
        return found
    }

    var isSparse: Bool { fields.keys.contains { $0.hasPrefix("GNU.sparse.") } }

    static let attributePrefix = "SCHILY.xattr."
}
