// SPDX-License-Identifier: Apache-2.0
// The one place where API values become JSON and back.
package import FoundationEssentials
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
        let data = Data(bytes)
        guard !data.isEmpty else { throw .invalidArgument("EOF") }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
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
