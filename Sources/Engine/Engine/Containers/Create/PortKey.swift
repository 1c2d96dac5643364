// SPDX-License-Identifier: Apache-2.0
// `80/tcp` as the API writes a container's port.
import Networking
import Primitives

/// A port of a container and its transport.
struct PortKey: Hashable, Comparable {
    let port: UInt16
    let transport: PortProtocol

    init(_ text: String) throws(EngineError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let port = UInt16(parts[0]), port > 0, parts.count <= 2 else {
            throw .invalidArgument("invalid port specification: \"\(text)\"")
        }
        let name = parts.count == 2 ? parts[1].lowercased() : "tcp"
        guard let transport = PortProtocol(rawValue: name) else { throw .invalidArgument("Invalid proto: \(name)") }
        self.port = port
        self.transport = transport
    }

    init(port: UInt16, transport: PortProtocol) {
        self.port = port
        self.transport = transport
    }

    var text: String { "\(port)/\(transport.rawValue)" }

    static func < (left: PortKey, right: PortKey) -> Bool {
        (left.port, left.transport.rawValue) < (right.port, right.transport.rawValue)
    }

    /// `8080`, `8000-8010` or empty (0: any) as first and last port.
    static func range(_ text: String) throws(EngineError) -> (first: UInt16, last: UInt16?) {
        if text.isEmpty { return (0, nil) }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else {
            throw .invalidArgument("invalid port specification: \"\(text)\"")
        }
        return (first, ends.count == 2 ? last : nil)
    }
}
