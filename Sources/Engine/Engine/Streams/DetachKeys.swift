// SPDX-License-Identifier: Apache-2.0
// Finds the key sequence that detaches a client from a terminal, without holding back what it types otherwise.
import Primitives

/// `ctrl-p,ctrl-q` as bytes, and how much of it has been seen.
struct DetachKeys: Sendable {
    private let sequence: [UInt8]
    private var matched = 0

    /// Nil is Docker's default; the empty text too.
    init(parsing text: String?) throws(EngineError) {
        guard let text, !text.isEmpty else {
            sequence = [16, 17]
            return
        }
        var bytes: [UInt8] = []
        for key in text.split(separator: ",", omittingEmptySubsequences: false) {
            if key.utf8.count == 1, let byte = key.utf8.first {
                bytes.append(byte)
            } else if let byte = Self.control(key) {
                bytes.append(byte)
            } else {
                throw .invalidArgument("Invalid detach keys (\(text)) provided")
            }
        }
        sequence = bytes
    }

    /// Gives the bytes to pass on, and whether the whole sequence was typed. Bytes that may be its beginning are kept until
    /// the next one decides.
    mutating func scan(_ bytes: [UInt8]) -> (pass: [UInt8], detached: Bool) {
        var pass: [UInt8] = []
        pass.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte == sequence[matched] {
                matched += 1
                if matched == sequence.count {
                    matched = 0
                    return (pass, true)
                }
                continue
            }
            pass.append(contentsOf: sequence[..<matched])
            matched = 0
            if byte == sequence[0] { matched = 1 } else { pass.append(byte) }
        }
        return (pass, false)
    }

    private static func control(_ key: Substring) -> UInt8? {
        guard key.hasPrefix("ctrl-"), key.utf8.count == 6, let letter = key.utf8.last else { return nil }
        switch letter {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): return letter - UInt8(ascii: "a") + 1
        case UInt8(ascii: "@"): return 0
        case UInt8(ascii: "["): return 27
        case UInt8(ascii: "\\"): return 28
        case UInt8(ascii: "]"): return 29
        case UInt8(ascii: "^"): return 30
        case UInt8(ascii: "_"): return 31
        default: return nil
        }
    }
}
