// SPDX-License-Identifier: Apache-2.0
// The key sequence that leaves a container running: `ctrl-p,ctrl-q` unless the user says otherwise.
import DockerClient

/// Finds the sequence in what is typed. Bytes of a half-typed sequence are held back.
struct DetachKeys {
    private let keys: [UInt8]
    private var matched = 0

    init(_ keys: [UInt8]) { self.keys = keys }

    static let standard: [UInt8] = [16, 17]

    /// `ctrl-p,ctrl-q`, `a,ctrl-]` as bytes; nil when it cannot be read.
    static func parse(_ text: String) -> [UInt8]? {
        if text.isEmpty { return standard }
        var keys: [UInt8] = []
        for word in Text.split(text, ",") {
            if word.utf8.count == 1, let byte = word.utf8.first {
                keys.append(byte)
            } else if word.hasPrefix("ctrl-"), word.utf8.count == 6, let byte = word.utf8.last {
                switch byte {
                case 97...122: keys.append(byte - 96)
                case UInt8(ascii: "@"), 91...95: keys.append(byte - 64)
                default: return nil
                }
            } else {
                return nil
            }
        }
        return keys
    }

    /// What may be sent on, and whether the sequence is complete.
    mutating func filter(_ bytes: ArraySlice<UInt8>) -> (pass: [UInt8], detached: Bool) {
        var pass: [UInt8] = []
        for byte in bytes {
            if byte == keys[matched] {
                matched += 1
                if matched == keys.count { return (pass, true) }
                continue
            }
            pass += keys[..<matched]
            matched = 0
            if byte == keys[0] { matched = 1 } else { pass.append(byte) }
        }
        return (pass, false)
    }
}
