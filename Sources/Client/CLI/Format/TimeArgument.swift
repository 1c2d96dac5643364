// SPDX-License-Identifier: Apache-2.0
// `--since 42m`, `--until 2013-01-02T13:23:37Z`: what the API understands, a Unix time.
import DockerClient
import Primitives

/// Turns a moment as people write it into `seconds.nanoseconds`.
enum TimeArgument {
    /// `label` starts the complaint about what is neither.
    static func unix(_ text: String, now: Timestamp = .now(), label: String = "") throws -> String {
        if text.isEmpty || text == "0" { return text }
        if let duration = GoDuration.parse(text) {
            return seconds(now.adding(nanoseconds: -duration))
        }
        if let plain = Double(text), plain >= 0 { return text }
        var full = text
        // Shorter forms: a date, a date with minutes, a time without zone.
        if full.utf8.count == 10 {
            full += "T00:00:00Z"
        } else if let cut = Text.cut(full, "T") {
            let colons = cut.after.utf8.count { $0 == 58 }
            let hasZone = cut.after.hasSuffix("Z") || cut.after.contains("+") || cut.after.contains("-")
            if !hasZone {
                full += (colons == 0 ? ":00:00" : colons == 1 ? ":00" : "") + "Z"
            }
        }
        guard let moment = Timestamp(rfc3339: full) else {
            throw CommandError(
                "\(label)failed to parse value as time or duration: \(Quoted.go(text))"
            )
        }
        return seconds(moment)
    }

    private static func seconds(_ moment: Timestamp) -> String {
        let digits = String(moment.nanoseconds)
        return "\(moment.seconds)." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
    }
}
