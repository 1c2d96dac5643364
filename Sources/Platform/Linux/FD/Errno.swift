// SPDX-License-Identifier: Apache-2.0
// A failed system call: its name and errno; and the loop that retries interrupted calls.
import Glibc

/// What a system call reported. Prints as `open: no such file or directory`, in Go's lower-case words, which Docker's users know.
package struct Errno: Error, Sendable, Equatable, CustomStringConvertible {
    package let call: String
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package init(call: String) { self.init(call: call, code: errno) }

    package var description: String { "\(call): \(Errno.message(code))" }

    /// The system's text for an errno value, first letter in lower case as Go prints it.
    package static func message(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "errno \(code)" }
        let message = String(cString: text)
        return message.prefix(1).lowercased() + message.dropFirst()
    }
}

/// Runs a system call until it is not interrupted; a negative result becomes an `Errno` carrying the call's name.
@discardableResult
package func check(_ call: StaticString, _ body: () -> Int32) throws(Errno) -> Int32 {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw Errno(call: "\(call)", code: code) }
    }
}

/// As `check(_:_:)`, for calls that return a length.
@discardableResult
package func checkLength(_ call: StaticString, _ body: () -> Int) throws(Errno) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw Errno(call: "\(call)", code: code) }
    }
}
