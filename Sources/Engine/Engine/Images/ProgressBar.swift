// SPDX-License-Identifier: Apache-2.0
// `[====>      ]  1.5MB/10MB`: the drawn progress that old clients print as it is.
import Primitives

/// Fifty characters wide, as Docker draws it.
enum ProgressBar {
    static func text(current: Int64, total: Int64) -> String {
        let done = padded(ByteSize.human(current))
        guard total > 0, current <= total else { return done }
        let half = Int(Double(current) / Double(total) * 100) / 2
        let bar = String(repeating: "=", count: half) + ">" + String(repeating: " ", count: max(0, 50 - half))
        return "[\(bar.prefix(51))] \(done)/\(ByteSize.human(total))"
    }

    private static func padded(_ text: String) -> String {
        String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
