// SPDX-License-Identifier: Apache-2.0
// Uploads in progress: files that grow, whose digest is computed on the way, and that outlive the program.
import AsyncSystem
import Crypto
import Glibc
import Linux
import Primitives
import Synchronization

/// One file in `uploads/` for each session, named after its identifier and its repository. Its length is the whole state:
/// after a restart the session goes on, and the digest is computed from the file at the end.
final class Uploads: Sendable {
    private let store: RegistryStore
    private let limit: Int
    /// Digests that are as far as their files are, by identifier; forgetting one costs a second reading.
    private let running = Mutex<[String: (size: Int64, digest: RunningDigest)]>([:])
    private static let runningLimit = 1024
    /// How much is collected before it goes to a thread that writes and hashes.
    private static let pieceSize = 1 << 20

    init(store: RegistryStore, limit: Int) {
        self.store = store
        self.limit = limit
    }

    /// A session that exactly one request holds (flock(2) on its file, so that another process respects it as well).
    final class Session: Sendable {
        let identifier: String
        let path: String
        let file: OwnedFD
        private let state: Mutex<(size: Int64, digest: RunningDigest?)>

        init(_ identifier: String, path: String, file: consuming OwnedFD, size: Int64) {
            self.identifier = identifier
            self.path = path
            self.file = file
            state = Mutex((size, nil))
        }

        /// Goes on with a digest that is as far as the file is; one of an empty file is easily made.
        func adopt(_ known: (size: Int64, digest: RunningDigest)?) {
            state.withLock { state in
                if let known, known.size == state.size { state.digest = known.digest }
                if state.size == 0, state.digest == nil { state.digest = RunningDigest("sha256") }
            }
        }

        /// There is nothing to go on with.
        func end() { state.withLock { $0.digest = nil } }

        var size: Int64 { state.withLock { $0.size } }
        var digest: RunningDigest? { state.withLock { $0.digest } }

        /// Writes and hashes; blocks.
        func append(_ bytes: [UInt8]) throws {
            try StoreFolder.append(bytes, to: file.raw)
            state.withLock { state in
                state.size += Int64(bytes.count)
                state.digest?.update(bytes)
            }
        }
    }

    private static func path(_ identifier: String, _ repository: RepositoryName) -> String {
        let hash = SHA256.hash(data: Array(repository.text.utf8))
        return "uploads/\(identifier).\(hexString(hash.prefix(8)))"
    }

    /// Opens a new session and gives its identifier.
    func start(_ repository: RepositoryName, algorithm: String) async throws -> String {
        let identifier = StoreFolder.randomName()
        let (store, limit) = (store, limit)
        try await Blocking.run {
            guard try store.folder.list("uploads").count < limit else {
                throw Refusal(
                    429, .tooManyRequests, "too many uploads are in progress", headers: [("Retry-After", "30")])
            }
            _ = try store.folder.open(
                Self.path(identifier, repository), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, mode: 0o600)
        }
        remember(identifier, 0, RunningDigest(algorithm))
        return identifier
    }

    /// How many bytes a session has; nil when there is no such session.
    func size(_ identifier: String, _ repository: RepositoryName) async throws -> Int64? {
        guard Self.isIdentifier(identifier) else { return nil }
        let store = store
        return try await Blocking.run { try store.folder.find(Self.path(identifier, repository))?.size }
    }

    /// Runs `body` with the session alone.
    func withSession<T: Sendable>(
        _ identifier: String, _ repository: RepositoryName, _ body: (Session) async throws -> T
    ) async throws -> T {
        guard Self.isIdentifier(identifier) else { throw Refusal.uploadUnknown() }
        let session = try await open(identifier, repository)
        session.adopt(running.withLock { $0.removeValue(forKey: identifier) })
        defer { if let digest = session.digest { remember(identifier, session.size, digest) } }
        return try await body(session)
    }

    /// The holder before may just be noticing that its client has gone: it gets some seconds.
    private func open(_ identifier: String, _ repository: RepositoryName) async throws -> Session {
        let store = store
        for _ in 0..<100 {
            let session: Session? = try await Blocking.run {
                let path = Self.path(identifier, repository)
                let file: OwnedFD
                do {
                    file = try store.folder.open(path, O_RDWR | O_APPEND)
                } catch let error as Errno where error.code == ENOENT {
                    throw Refusal.uploadUnknown()
                }
                guard flock(file.raw, LOCK_EX | LOCK_NB) == 0 else { return nil }
                // It may have been finished while this waited.
                guard let named = try store.folder.find(path) else { throw Refusal.uploadUnknown() }
                let entry = try StoreFolder.entry(file.raw)
                guard named.inode == entry.inode else { throw Refusal.uploadUnknown() }
                return Session(identifier, path: path, file: file, size: entry.size)
            }
            if let session { return session }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Refusal(409, .blobUploadInvalid, "another request is using this upload")
    }

    /// Appends a body as it arrives; what came before a failure stays.
    func append(
        _ session: Session, _ body: @Sendable () async throws -> [UInt8]?, atMost: Int64? = nil
    ) async throws {
        var piece: [UInt8] = []
        var left = atMost ?? .max
        func flush() async throws {
            if piece.isEmpty { return }
            let bytes = piece
            piece = []
            try await Blocking.run { try session.append(bytes) }
        }
        do {
            while let bytes = try await body() {
                guard bytes.count <= left else {
                    throw Refusal(400, .sizeInvalid, "the chunk is longer than its range")
                }
                left -= Int64(bytes.count)
                piece += bytes
                if piece.count >= Self.pieceSize { try await flush() }
            }
        } catch {
            try await flush()
            throw error
        }
        try await flush()
        guard left == 0 || atMost == nil else {
            throw Refusal(400, .sizeInvalid, "the chunk is shorter than its range")
        }
    }

    /// Verifies a session's content and makes it a blob of the repository. Wrong content ends the session.
    func finish(_ session: Session, _ repository: RepositoryName, _ digest: Primitives.Digest) async throws {
        let store = store
        let isRight = try await Blocking.run {
            guard try Self.verify(session, digest) else {
                try store.folder.remove(session.path)
                return false
            }
            let fd = session.file.raw
            try check("fdatasync") { fdatasync(fd) }
            try store.addBlob(repository, digest, file: session.path)
            return true
        }
        session.end()
        guard isRight else { throw Refusal.digestInvalid("provided digest did not match uploaded content") }
    }

    private static func verify(_ session: Session, _ digest: Primitives.Digest) throws -> Bool {
        if let running = session.digest, running.algorithm == digest.algorithm { return running.matches(digest) }
        var running = RunningDigest(digest.algorithm)
        let whole = RegistryStore.OpenBlob(try session.file.duplicate(), size: session.size)
        var offset: Int64 = 0
        while offset < session.size {
            let bytes = try whole.read(at: offset, count: pieceSize)
            if bytes.isEmpty { return false }
            running.update(bytes)
            offset += Int64(bytes.count)
        }
        return running.matches(digest)
    }

    /// Forgets a session.
    func cancel(_ session: Session) async throws {
        let store = store
        _ = try await Blocking.run { try store.folder.remove(session.path) }
        session.end()
    }

    private func remember(_ identifier: String, _ size: Int64, _ digest: RunningDigest) {
        running.withLock { running in
            if running.count >= Self.runningLimit, let any = running.keys.first { running[any] = nil }
            running[identifier] = (size, digest)
        }
    }

    private static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
