// SPDX-License-Identifier: Apache-2.0
// How the registry says no: the error codes of the distribution specification, each with its status.
import JSON

/// A refusal as clients read it: `{"errors": [{"code", "message", "detail"}]}`.
struct Refusal: Error, Sendable, CustomStringConvertible {
    /// distribution-spec 1.1, "Error Codes".
    enum Code: String, Sendable {
        case blobUnknown = "BLOB_UNKNOWN"
        case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
        case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
        case digestInvalid = "DIGEST_INVALID"
        case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
        case manifestInvalid = "MANIFEST_INVALID"
        case manifestUnknown = "MANIFEST_UNKNOWN"
        case nameInvalid = "NAME_INVALID"
        case nameUnknown = "NAME_UNKNOWN"
        case sizeInvalid = "SIZE_INVALID"
        case unauthorized = "UNAUTHORIZED"
        case denied = "DENIED"
        case unsupported = "UNSUPPORTED"
        case tooManyRequests = "TOOMANYREQUESTS"
        /// Not in the specification's table; Docker's registry says so too.
        case paginationInvalid = "PAGINATION_NUMBER_INVALID"
        case tagInvalid = "TAG_INVALID"
        case unavailable = "UNAVAILABLE"
        case unknown = "UNKNOWN"
    }

    let status: Int
    let code: Code
    let message: String
    var headers: [(String, String)]

    init(_ status: Int, _ code: Code, _ message: String, headers: [(String, String)] = []) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
    }

    var description: String { message }

    var body: [UInt8] {
        let document: JSONValue = [
            "errors": [["code": .string(code.rawValue), "message": .string(message), "detail": nil]]
        ]
        return document.serialize(escapesHTML: true) + [10]
    }

    static func blobUnknown(_ digest: some CustomStringConvertible) -> Refusal {
        Refusal(404, .blobUnknown, "blob unknown to registry: \(digest)")
    }
    static func manifestUnknown(_ reference: some CustomStringConvertible) -> Refusal {
        Refusal(404, .manifestUnknown, "manifest unknown: \(reference)")
    }
    static func uploadUnknown() -> Refusal { Refusal(404, .blobUploadUnknown, "blob upload unknown to registry") }
    static func manifestInvalid(_ message: String) -> Refusal { Refusal(400, .manifestInvalid, message) }
    static func digestInvalid(_ message: String) -> Refusal { Refusal(400, .digestInvalid, message) }
    static func unsupported(_ message: String) -> Refusal { Refusal(405, .unsupported, message) }
}
