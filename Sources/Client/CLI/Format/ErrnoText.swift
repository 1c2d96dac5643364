// SPDX-License-Identifier: Apache-2.0
// The last system error in Go's words.
import Glibc
import Linux

/// `no such file or directory` …
enum ErrnoText {
    static var current: String { Errno.message(errno) }

    static func text(_ code: Int32) -> String { Errno.message(code) }
}
