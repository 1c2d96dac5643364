// SPDX-License-Identifier: Apache-2.0
// Identifiers of containers, networks and execs, and the rule for the names users give.

/// 64 random hexadecimal digits, as Docker's users know them; a twelve digit prefix is shown in tables.
package enum Identifier {
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        // A short id that is all digits would be taken for a number by tools (Docker avoids it too).
        while true {
            let id = hexString((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
            if id.prefix(12).utf8.contains(where: { $0 >= UInt8(ascii: "a") }) { return id }
        }
    }

    package static func short(_ id: String) -> String { String(id.prefix(12)) }

    /// `[a-zA-Z0-9][a-zA-Z0-9_.-]+`: the rule for names of containers and volumes.
    package static func isValidName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard bytes.count >= 2, let first = bytes.first, isAlphanumeric(first) else { return false }
        return bytes.dropFirst().allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
