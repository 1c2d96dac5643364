// SPDX-License-Identifier: Apache-2.0
// Shell patterns as Go's `path.Match` reads them: `*` and `?` stop at a slash.

/// Matches names of images.
enum Glob {
    static func matches(_ pattern: String, _ text: String) -> Bool {
        matches(Array(pattern.utf8)[...], Array(text.utf8)[...])
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var pattern = pattern
        var text = text
        // The last star seen, to fall back to: linear backtracking instead of a recursion per star.
        var afterStar: ArraySlice<UInt8>?
        var resume = text
        while true {
            if pattern.first == UInt8(ascii: "*") {
                pattern = pattern.dropFirst()
                afterStar = pattern
                resume = text
                continue
            }
            if let byte = text.first, let wanted = pattern.first,
                wanted == byte || (wanted == UInt8(ascii: "?") && byte != UInt8(ascii: "/"))
            {
                pattern = pattern.dropFirst()
                text = text.dropFirst()
                continue
            }
            if text.isEmpty, pattern.isEmpty { return true }
            guard let star = afterStar, let skipped = resume.first, skipped != UInt8(ascii: "/") else { return false }
            resume = resume.dropFirst()
            text = resume
            pattern = star
        }
    }
}
