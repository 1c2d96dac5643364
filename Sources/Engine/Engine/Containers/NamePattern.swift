// SPDX-License-Identifier: Apache-2.0
// The `name` filter: a part of the name, or anchored with `^` and `$`.

/// Docker takes a regular expression here; what its users write is a part of a name and the two anchors, so that is what
/// is understood. A slash in front of the name may be written or not.
enum NamePattern {
    static func matches(_ pattern: String, name: String) -> Bool {
        var wanted = Substring(pattern)
        let atStart = wanted.hasPrefix("^")
        if atStart { wanted = wanted.dropFirst() }
        let atEnd = wanted.hasSuffix("$")
        if atEnd { wanted = wanted.dropLast() }
        let full = "/" + name
        let candidates = [name, full]
        return candidates.contains { candidate in
            switch (atStart, atEnd) {
            case (true, true): candidate == wanted
            case (true, false): candidate.hasPrefix(wanted)
            case (false, true): candidate.hasSuffix(wanted)
            case (false, false): wanted.isEmpty || candidate.contains(wanted)
            }
        }
    }
}
