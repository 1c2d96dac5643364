// SPDX-License-Identifier: Apache-2.0
// A digest computed while bytes go by.
import Crypto
import Primitives
import Synchronization

/// A digest being computed, in one of the algorithms the registry knows.
enum RunningDigest: Sendable {
    case sha256(SHA256)
    case sha512(SHA512)

    init(_ algorithm: String) { self = algorithm == "sha512" ? .sha512(SHA512()) : .sha256(SHA256()) }

    var algorithm: String {
        switch self {
        case .sha256: "sha256"
        case .sha512: "sha512"
        }
    }

    mutating func update(_ bytes: [UInt8]) {
        switch self {
        case .sha256(var hash):
            hash.update(data: bytes)
            self = .sha256(hash)
        case .sha512(var hash):
            hash.update(data: bytes)
            self = .sha512(hash)
        }
    }

    func matches(_ digest: Primitives.Digest) -> Bool {
        let hex =
            switch self {
            case .sha256(let hash): hexString(hash.finalize())
            case .sha512(let hash): hexString(hash.finalize())
            }
        return digest.algorithm == algorithm && digest.hex == hex
    }

    /// Whether these bytes have this digest.
    static func matches(_ bytes: [UInt8], _ digest: Primitives.Digest) -> Bool {
        var running = RunningDigest(digest.algorithm)
        running.update(bytes)
        return running.matches(digest)
    }
}

/// A running digest that is handed from thread to thread.
final class Running: Sendable {
    private let digest: Mutex<RunningDigest>

    init(_ algorithm: String) { digest = Mutex(RunningDigest(algorithm)) }

    func update(_ bytes: [UInt8]) { digest.withLock { $0.update(bytes) } }
    func matches(_ expected: Primitives.Digest) -> Bool { digest.withLock { $0 }.matches(expected) }
}
