// SPDX-License-Identifier: Apache-2.0
// The embedded database: one connection, transactions, migrations by component.
import CSQLite
import Synchronization

/// A value bound to a statement.
package enum SQLiteValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// What SQLite reported, with its own words.
package struct SQLiteError: Error, Sendable, CustomStringConvertible {
    package let code: Int32
    package let message: String

    package var description: String { "database: \(message)" }

    /// SQLITE_FULL or an I/O error for want of space.
    package var isDiskFull: Bool { code & 0xFF == SQLITE_FULL }
}

/// One row of a result, valid inside the closure that received it.
package struct SQLiteRow {
    fileprivate let statement: OpaquePointer

    package func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    package func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(statement, column) else { return "" }
        return String(
            decoding: UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))),
            as: UTF8.self)
    }

    package func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }

    package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}

/// A SQLite database in WAL mode with `synchronous=FULL`: what a transaction returned from survives a power cut.
///
/// One connection behind a lock: statements take microseconds, so callers may use it from the concurrency pool.
package final class Database: Sendable {
    fileprivate struct Connection: @unchecked Sendable {
        // Unchecked: the handle is used only while the mutex around it is held.
        var handle: OpaquePointer?
        var statements: [String: OpaquePointer] = [:]
    }

    private let connection: Mutex<Connection>

    /// Opens or creates the file. `":memory:"` gives a database that lives as long as this object.
    package init(path: String) throws(SQLiteError) {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(
            path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil
        )
        guard code == SQLITE_OK, let opened = handle else {
            let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(handle)
            throw SQLiteError(code: code, message: "\(path): \(message)")
        }
        sqlite3_busy_timeout(opened, 5000)
        connection = Mutex(Connection(handle: opened))
        for setting in ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"] {
            try execute(setting)
        }
        try execute("CREATE TABLE IF NOT EXISTS component (name TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    }

    deinit { close() }

    /// Finishes statements and closes the file. Later calls fail with SQLITE_MISUSE.
    package func close() {
        connection.withLock { connection in
            for statement in connection.statements.values { sqlite3_finalize(statement) }
            connection.statements = [:]
            sqlite3_close_v2(connection.handle)
            connection.handle = nil
        }
    }

    /// Statements of one transaction, which is committed when `body` returns and rolled back when it throws.
    package func transaction<T>(_ body: (borrowing Transaction) throws -> T) throws -> T {
        // The result leaves the lock by way of a box: a row's owner is the caller's business, not the mutex's.
        var outcome: Result<T, any Error>?
        try withHandle { connection in
            let transaction = Transaction(connection: &connection)
            defer { connection.statements = transaction.statements }
            try transaction.run("BEGIN IMMEDIATE")
            do {
                let value = try body(transaction)
                try transaction.run("COMMIT")
                outcome = .success(value)
            } catch {
                // A failed rollback changes nothing: SQLite has then rolled back by itself (lang_transaction.html).
                try? transaction.run("ROLLBACK")
                outcome = .failure(error)
            }
        }
        guard let outcome else { throw SQLiteError(code: SQLITE_MISUSE, message: "no result") }
        return try outcome.get()
    }

    /// One statement in a transaction of its own.
    package func execute(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) {
        do {
            try withHandle { connection in
                let transaction = Transaction(connection: &connection)
                defer { connection.statements = transaction.statements }
                try transaction.query(sql, values) { _ in }
            }
        } catch let error as SQLiteError {
            throw error
        } catch {
            throw SQLiteError(code: SQLITE_ERROR, message: "\(error)")
        }
    }

    /// Reads rows; `each` turns a row into a value.
    package func read<T>(_ sql: String, _ values: SQLiteValue..., each: (SQLiteRow) throws -> T) throws -> [T] {
        var found: [T] = []
        try withHandle { connection in
            let transaction = Transaction(connection: &connection)
            defer { connection.statements = transaction.statements }
            try transaction.query(sql, values) { found.append(try each($0)) }
        }
        return found
    }

    /// Brings a component's tables to their newest form: step N is run once, in order, with the version in one transaction.
    /// A file whose version is newer than `steps` is refused, never "repaired".
    package func migrate(component: String, steps: [String]) throws {
        try transaction { transaction in
            var version: Int64 = 0
            try transaction.query("SELECT version FROM component WHERE name = ?", [.text(component)]) {
                version = $0.integer(0)
            }
            guard version <= steps.count else {
                throw SQLiteError(
                    code: SQLITE_MISMATCH,
                    message:
                        "'\(component)' was written by a newer version of apus (schema \(version), known \(steps.count))"
                )
            }
            for step in steps.dropFirst(Int(version)) {
                try transaction.script(step)
            }
            try transaction.run(
                "INSERT INTO component (name, version) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                .text(component), .integer(Int64(steps.count)))
        }
    }

    private func withHandle(_ body: (inout Connection) throws -> Void) throws {
        let failure: (any Error)? = connection.withLock { connection in
            guard connection.handle != nil else {
                return SQLiteError(code: SQLITE_MISUSE, message: "the database is closed")
            }
            do {
                try body(&connection)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The statements inside one transaction.
    package final class Transaction {
        private let handle: OpaquePointer?
        fileprivate var statements: [String: OpaquePointer]

        fileprivate init(connection: inout Connection) {
            handle = connection.handle
            statements = connection.statements
        }

        /// Runs a statement for its effect.
        package func run(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) {
            let statement = try prepared(sql, values)
            defer { sqlite3_reset(statement) }
            while true {
                let code = sqlite3_step(statement)
                if code == SQLITE_DONE { return }
                if code != SQLITE_ROW { throw failure(code) }
            }
        }

        /// Runs statements separated by semicolons.
        fileprivate func script(_ sql: String) throws(SQLiteError) {
            let code = sqlite3_exec(handle, sql, nil, nil, nil)
            guard code == SQLITE_OK else { throw failure(code) }
        }

        /// Rows turned into values.
        package func read<T>(_ sql: String, _ values: SQLiteValue..., each: (SQLiteRow) throws -> T) throws -> [T] {
            var found: [T] = []
            try query(sql, values) { found.append(try each($0)) }
            return found
        }

        fileprivate func query(_ sql: String, _ values: [SQLiteValue], _ each: (SQLiteRow) throws -> Void) throws {
            let statement = try prepared(sql, values)
            defer { sqlite3_reset(statement) }
            while true {
                let code = sqlite3_step(statement)
                if code == SQLITE_DONE { return }
                guard code == SQLITE_ROW else { throw failure(code) }
                try each(SQLiteRow(statement: statement))
            }
        }

        private func prepared(_ sql: String, _ values: [SQLiteValue]) throws(SQLiteError) -> OpaquePointer {
            let statement: OpaquePointer
            if let known = statements[sql] {
                statement = known
            } else {
                var made: OpaquePointer?
                let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
                guard code == SQLITE_OK, let made else { throw failure(code) }
                statements[sql] = made
                statement = made
            }
            sqlite3_clear_bindings(statement)
            for (index, value) in values.enumerated() {
                let code = bind(value, to: statement, at: Int32(index + 1))
                guard code == SQLITE_OK else { throw failure(code) }
            }
            return statement
        }

        private func bind(_ value: SQLiteValue, to statement: OpaquePointer, at index: Int32) -> Int32 {
            // SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
            let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            switch value {
            case .null: return sqlite3_bind_null(statement, index)
            case .integer(let number): return sqlite3_bind_int64(statement, index, number)
            case .text(let text): return sqlite3_bind_text(statement, index, text, Int32(text.utf8.count), transient)
            case .blob(let bytes): return sqlite3_bind_blob(statement, index, bytes, Int32(bytes.count), transient)
            }
        }

        private func failure(_ code: Int32) -> SQLiteError {
            SQLiteError(code: code, message: handle.map { String(cString: sqlite3_errmsg($0)) } ?? "closed")
        }
    }
}
