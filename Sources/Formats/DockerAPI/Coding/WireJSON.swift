// SPDX-License-Identifier: Apache-2.0
// The one place where API values become JSON and back.
import FoundationEssentials
package import JSON
package import Primitives

/// JSON of the Engine API.
package enum WireJSON {
    /// Encodes a value as the API writes it: no escaped slashes, keys in a stable order.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return [UInt8](try encoder.encode(value))
    }

    /// Decodes a request body; what does not fit is the caller's mistake, told with the path to it.
    package static func decode<T: Decodable>(
        _ type: T.Type, from bytes: some Sequence<UInt8>
    ) throws(EngineError) -> T {
        try decode(type, from: try parse(bytes))
    }

    /// Parses a request body. None is an `EOF`, as a Go server tells it.
    package static func parse(_ bytes: some Sequence<UInt8>) throws(EngineError) -> JSONValue {
        let bytes = Array(bytes)
        guard !bytes.isEmpty else { throw .invalidArgument("EOF") }
        do throws(JSONError) { return try JSONValue.parse(bytes) } catch {
            throw .invalidArgument("invalid JSON: \(error)")
        }
    }

    package static func decode<T: Decodable>(_ type: T.Type, from value: JSONValue) throws(EngineError) -> T {
        do { return try WireDecoder(value: value).decode(type) } catch let error as DecodingError {
            throw .invalidArgument(describe(error))
        } catch {
            throw .invalidArgument("invalid JSON: \(error)")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default: return "invalid JSON"
        }
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        let reason = context.debugDescription
        return path.isEmpty ? "invalid JSON: \(reason)" : "invalid JSON: \(path): \(reason)"
    }
}
