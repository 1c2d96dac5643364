// SPDX-License-Identifier: Apache-2.0
// The head of a request, read strictly: two readers of the same bytes must never see two different requests.

/// Request line and header fields (RFC 9112, 3 and 5) and how the body that follows is delimited.
struct RequestHead: Sendable {
    /// Where the body ends (RFC 9112, 6.3).
    enum Framing: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
    }

    let method: String
    /// Path and query as sent; the authority of an absolute target is dropped.
    let target: String
    let headers: HTTPHeaderFields
    let isVersion10: Bool
    let framing: Framing

    static let byteLimit = 64 << 10
    static let fieldLimit = 200

    /// Reads everything before the empty line, without the line ends of the last line.
    init(parsing bytes: some Collection<UInt8>) throws(HTTPParseError) {
        let lines = try Self.lines(Array(bytes))
        let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, words[0].isToken else { throw .badRequest("malformed HTTP request") }
        method = String(decoding: words[0], as: UTF8.self)
        target = try Self.target(words[1])
        isVersion10 = try Self.isVersion10(String(decoding: words[2], as: UTF8.self))
        guard lines.count - 1 <= Self.fieldLimit else { throw HTTPParseError(status: 431, "too many header fields") }
        var fields = HTTPHeaderFields()
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), line[..<colon].isToken else {
                // A name that starts or ends with a space is a folded line or a trick (RFC 9112, 5.1 and 5.2).
                throw .badRequest("malformed header field")
            }
            let value = line[(colon + 1)...].trimmingBlanks
            guard value.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) else {
                throw .badRequest("invalid header field value")
            }
            fields.add(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        let hosts = fields.all("Host").count
        guard hosts == 1 || hosts == 0 && isVersion10 else {
            throw .badRequest(hosts == 0 ? "missing required Host header" : "too many Host headers")
        }
        framing = try Self.framing(fields, isVersion10: isVersion10)
        headers = fields
    }

    /// Splits at CRLF; a CR or an LF alone is no line end.
    private static func lines(_ bytes: [UInt8]) throws(HTTPParseError) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == 13 || bytes[index] == 10 {
                guard bytes[index] == 13, index + 1 < bytes.count, bytes[index + 1] == 10 else {
                    throw .badRequest("malformed line end")
                }
                lines.append(bytes[start..<index])
                index += 1
                start = index + 1
            }
            index += 1
        }
        lines.append(bytes[start...])
        return lines
    }

    private static func target(_ bytes: ArraySlice<UInt8>) throws(HTTPParseError) -> String {
        guard bytes.allSatisfy({ $0 > 32 && $0 != 127 }) else { throw .badRequest("malformed request target") }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("/") || text == "*" { return text }
        // Servers must take the absolute form too (RFC 9112, 3.2.2).
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            guard !rest.isEmpty, !rest.hasPrefix("/") else { break }
            return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
        }
        throw .badRequest("malformed request target")
    }

    private static func isVersion10(_ text: String) throws(HTTPParseError) -> Bool {
        switch text {
        case "HTTP/1.1": return false
        case "HTTP/1.0": return true
        default:
            guard text.hasPrefix("HTTP/") else { throw .badRequest("malformed HTTP version") }
            throw HTTPParseError(status: 505, "unsupported protocol version")
        }
    }

    private static func framing(_ fields: HTTPHeaderFields, isVersion10: Bool) throws(HTTPParseError) -> Framing {
        let lengths = fields.all("Content-Length")
        let codings = fields.all("Transfer-Encoding")
        guard codings.isEmpty else {
            // Both would let two readers see two requests; HTTP/1.0 knows no codings (RFC 9112, 6.1).
            guard lengths.isEmpty, !isVersion10 else {
                throw .badRequest("Transfer-Encoding beside Content-Length or in HTTP/1.0")
            }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw HTTPParseError(status: 501, "unsupported transfer encoding")
            }
            return .chunked
        }
        guard let text = lengths.first else { return .none }
        guard lengths.allSatisfy({ $0 == text }), !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }),
            let length = Int(text)
        else { throw .badRequest("bad Content-Length") }
        return length == 0 ? .none : .length(length)
    }
}

/// A request that cannot be understood; the connection ends after the answer.
struct HTTPParseError: Error {
    let status: Int
    let message: String

    init(status: Int, _ message: String) {
        self.status = status
        self.message = message
    }

    static func badRequest(_ message: String) -> HTTPParseError { HTTPParseError(status: 400, message) }
}

extension UInt8 {
    /// A character of a token: methods and names of fields (RFC 9110, 5.6.2).
    var isTokenCharacter: Bool {
        switch self {
        case 48...57, 65...90, 97...122, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate var isToken: Bool { !isEmpty && allSatisfy(\.isTokenCharacter) }

    fileprivate var trimmingBlanks: ArraySlice<UInt8> {
        var slice = self.drop { $0 == 32 || $0 == 9 }
        while let last = slice.last, last == 32 || last == 9 { slice.removeLast() }
        return slice
    }
}
