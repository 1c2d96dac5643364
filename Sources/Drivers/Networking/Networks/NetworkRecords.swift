// SPDX-License-Identifier: Apache-2.0
// Where networks and endpoints are kept over restarts: JSON documents by kind and key.
import Synchronization

/// Kinds of documents networking keeps.
package enum NetworkRecordKind: String, Sendable, CaseIterable {
    /// Key: network id.
    case network
    /// Key: endpoint id. Holds the endpoint's address; the allocations of a network are those of its endpoints.
    case endpoint
}

/// The store of networking's documents. Calls may block and come from any thread; each `apply` is one transaction.
package protocol NetworkRecords: Sendable {
    func load(_ kind: NetworkRecordKind) throws -> [String: [UInt8]]
    /// Writes each document; nil removes it.
    func apply(_ changes: [NetworkRecordChange]) throws
}

/// One document written (or with nil removed).
package struct NetworkRecordChange: Sendable {
    package var kind: NetworkRecordKind
    package var key: String
    package var document: [UInt8]?

    package init(_ kind: NetworkRecordKind, _ key: String, _ document: [UInt8]?) {
        self.kind = kind
        self.key = key
        self.document = document
    }
}

/// Records that end with the process.
package final class MemoryNetworkRecords: NetworkRecords {
    private let documents = Mutex<[NetworkRecordKind: [String: [UInt8]]]>([:])

    package init() {}

    package func load(_ kind: NetworkRecordKind) throws -> [String: [UInt8]] {
        documents.withLock { $0[kind] ?? [:] }
    }

    package func apply(_ changes: [NetworkRecordChange]) throws {
        documents.withLock { documents in
            for change in changes { documents[change.kind, default: [:]][change.key] = change.document }
        }
    }
}
