// SPDX-License-Identifier: Apache-2.0
// Users and their passwords: an htpasswd file with bcrypt, read again when it changes.
import AsyncSystem
import CCrypt
import Crypto
import Glibc
import Linux
import Primitives
import Synchronization

/// `name:$2y$…` a line, as `htpasswd -B` writes them. Other kinds of hashes are refused by name: they are no protection today.
final class PasswordFile: Sendable {
    private struct State {
        var hashes: [String: String] = [:]
        var stamp: Stamp?
        /// Passwords that were right a moment ago, as a keyed hash of name, password and stored hash.
        var known: [[UInt8]: Int] = [:]
        var working = 0
    }

    private struct Stamp: Equatable {
        var inode: UInt64
        var seconds: Int
        var nanoseconds: Int
        var size: Int
    }

    private let path: String
    private let state = Mutex(State())
    private let secret = SymmetricKey(size: .bits256)
    /// bcrypt is slow on purpose: so many at once and no more, or a crowd of guesses would stop all other work.
    private static let parallel = 4
    private static let knownFor = 60
    private static let knownLimit = 1024
    /// Compared when the name is unknown, so that an answer takes as long as for a known one. The hash of nobody's password.
    private static let nobody = "$2y$10$abcdefghijklmnopqrstuuDCmfVgYm1cHu/1fTrDpiUF0GSvRzyGO"

    init(_ path: String) throws {
        self.path = path
        try load()
    }

    /// Reads the file; an error leaves what was known before.
    private func load() throws {
        let stamp = try Self.stamp(path)
        let hashes = try Self.parse(try TextFile.text(path), path)
        state.withLock { state in
            state.hashes = hashes
            state.stamp = stamp
        }
    }

    private static func stamp(_ path: String) throws -> Stamp {
        let file = try OwnedFD.open(path, O_RDONLY)
        var status = stat()
        let fd = file.raw
        try check("fstat") { fstat(fd, &status) }
        return Stamp(
            inode: UInt64(status.st_ino), seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec),
            size: Int(status.st_size))
    }

    /// The table of an htpasswd file's text.
    static func parse(_ text: String, _ path: String) throws -> [String: String] {
        var hashes: [String: String] = [:]
        // CR and LF together are one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (number, line) in lines.enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, !line.hasPrefix("@") else {
                throw EngineError.invalidArgument("\(path):\(number + 1): not `name:hash`")
            }
            let hash = String(line[line.index(after: colon)...])
            guard isBcrypt(hash) else {
                throw EngineError.invalidArgument(
                    "\(path):\(number + 1): only bcrypt hashes are accepted (htpasswd -B)")
            }
            hashes[String(line[..<colon])] = hash
        }
        return hashes
    }

    private static func isBcrypt(_ hash: String) -> Bool {
        let bytes = Array(hash.utf8)
        guard bytes.count == 60, ["$2y$", "$2a$", "$2b$"].contains(String(hash.prefix(4))), bytes[6] == 36,
            let cost = Int(hash.dropFirst(4).prefix(2)), (4...17).contains(cost)
        else { return false }
        return bytes[7...].allSatisfy {
            (46...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
    }

    /// Whether the password is this user's. Unknown users take as long as known ones.
    func verify(_ name: String, _ password: String) async throws -> Bool {
        // bcrypt looks at 72 bytes and stops at a zero: longer ones are not compared as if they were right.
        guard password.utf8.count <= 72, !password.utf8.contains(0), name.utf8.count <= 255 else { return false }
        try? await Blocking.run { [self] in
            // A file that is being written, or broken: what was known before stays in force.
            if try Self.stamp(path) != state.withLock({ $0.stamp }) { try load() }
        }
        let stored = state.withLock { $0.hashes[name] }
        let key = proof(name, password, stored ?? "")
        let now = time(nil)
        let isKnown = state.withLock { ($0.known[key] ?? 0) > now }
        if stored != nil, isKnown { return true }
        try await enter()
        defer { state.withLock { $0.working -= 1 } }
        let hash = stored ?? Self.nobody
        let isRight = try await Blocking.run { try Self.matches(password, hash) }
        guard isRight, stored != nil else { return false }
        state.withLock { state in
            if state.known.count >= Self.knownLimit { state.known = [:] }
            state.known[key] = now + Self.knownFor
        }
        return true
    }

    private func proof(_ name: String, _ password: String, _ hash: String) -> [UInt8] {
        var mac = HMAC<SHA256>(key: secret)
        for part in [name, password, hash] {
            mac.update(data: Array("\(part.utf8.count):".utf8))
            mac.update(data: Array(part.utf8))
        }
        return Array(mac.finalize())
    }

    /// Waits for a turn, some seconds at most.
    private func enter() async throws {
        for _ in 0..<500 {
            let isIn = state.withLock { state in
                guard state.working < Self.parallel else { return false }
                state.working += 1
                return true
            }
            if isIn { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Refusal(429, .tooManyRequests, "too many logins at once", headers: [("Retry-After", "5")])
    }

    /// crypt_r(3) and a comparison that takes the same time whatever differs. Blocks for as long as the cost demands.
    static func matches(_ password: String, _ hash: String) throws -> Bool {
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        defer { data.deallocate() }
        memset(data, 0, MemoryLayout<crypt_data>.size)
        guard let result = crypt_r(password, hash, data) else { throw Errno(call: "crypt_r") }
        let computed = Array(String(cString: result).utf8)
        let expected = Array(hash.utf8)
        guard computed.count == expected.count else { return false }
        return zip(computed, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
