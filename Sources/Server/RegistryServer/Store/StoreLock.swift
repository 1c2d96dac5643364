// SPDX-License-Identifier: Apache-2.0
// Who may change the store at the same moment: many that add, or one that removes, over all processes.
import Glibc
import Linux

extension StoreFolder {
    /// Adding and refreshing names; any number at once.
    func adding<T>(_ body: () throws -> T) throws -> T { try locked(LOCK_SH, body) }

    /// Removing names whose last use was checked inside `body`; alone.
    func removing<T>(_ body: () throws -> T) throws -> T { try locked(LOCK_EX, body) }

    /// flock(2) on a file of its own. Held for some system calls only; the kernel lets go of it when a process dies.
    private func locked<T>(_ operation: Int32, _ body: () throws -> T) throws -> T {
        let file = try open("lock", O_RDWR | O_CREAT, mode: 0o600)
        let fd = file.raw
        try check("flock") { flock(fd, operation) }
        defer { flock(fd, LOCK_UN) }
        return try body()
    }
}
