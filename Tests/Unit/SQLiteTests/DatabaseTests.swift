// SPDX-License-Identifier: Apache-2.0
// The database: migrations, rollback, other writers, files that are none.
import Glibc
import SQLite
import Testing

/// A folder that goes with the object.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in ["db", "db-wal", "db-shm"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}

@Suite struct DatabaseTests {
    struct Stop: Error {}

    @Test func keepsWhatWasCommitted() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.path + "/db")
        try database.migrate(component: "test", steps: ["CREATE TABLE t (a INTEGER, b TEXT, c BLOB)"])
        try database.execute("INSERT INTO t VALUES (?, ?, ?)", .integer(.min), .text("é\0x"), .blob([0, 255]))
        #expect(throws: Stop.self) {
            try database.transaction { transaction in
                try transaction.run("INSERT INTO t VALUES (2, NULL, NULL)")
                throw Stop()
            }
        }
        database.close()
        let again = try Database(path: folder.path + "/db")
        let rows = try again.read("SELECT a, b, c FROM t") { ($0.integer(0), $0.text(1), $0.blob(2)) }
        #expect(rows.count == 1)
        #expect(rows.first?.0 == .min)
        #expect(rows.first?.1 == "é\0x")
        #expect(rows.first?.2 == [0, 255])
    }

    @Test func migratesStepByStep() throws {
        let database = try Database(path: ":memory:")
        let first = "CREATE TABLE t (a TEXT DEFAULT 'x;y'); INSERT INTO t DEFAULT VALUES"
        let second = """
            ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 7;
            CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET b = 8; DELETE FROM t WHERE a = 'gone'; END;
            """
        try database.migrate(component: "test", steps: [first])
        try database.migrate(component: "test", steps: [first])
        try database.migrate(component: "test", steps: [first, second])
        #expect(try database.read("SELECT a FROM t") { $0.text(0) } == ["x;y"])
        try database.execute("INSERT INTO t (a) VALUES ('gone')")
        #expect(try database.read("SELECT b FROM t") { $0.integer(0) } == [8])
    }

    @Test func refusesWhatANewerVersionWrote() throws {
        let database = try Database(path: ":memory:")
        try database.migrate(component: "test", steps: ["CREATE TABLE t (a)", "CREATE TABLE u (a)"])
        let error = #expect(throws: SQLiteError.self) {
            try database.migrate(component: "test", steps: ["CREATE TABLE t (a)"])
        }
        #expect(error?.message == "'test' was written by a newer version of apus (schema 2, known 1)")
    }

    @Test func aFailedStepChangesNothing() throws {
        let database = try Database(path: ":memory:")
        #expect(throws: SQLiteError.self) {
            try database.migrate(component: "test", steps: ["CREATE TABLE t (a)", "CREATE TABLE u (a); NO SQL"])
        }
        #expect(throws: SQLiteError.self) { try database.read("SELECT * FROM t") { _ in } }
        try database.migrate(component: "test", steps: ["CREATE TABLE t (a)"])
    }

    @Test func refusesAFileThatIsNoDatabase() throws {
        let folder = try TemporaryFolder()
        let file = try #require(fopen(folder.path + "/db", "w"))
        fputs(String(repeating: "no database ", count: 1000), file)
        fclose(file)
        let error = #expect(throws: SQLiteError.self) { _ = try Database(path: folder.path + "/db") }
        #expect(error?.message.contains("file is not a database") == true)
    }

    @Test func refusesAFolder() throws {
        let error = #expect(throws: SQLiteError.self) { _ = try Database(path: "/tmp") }
        #expect(error?.message == "/tmp: unable to open database file")
    }

    /// Another process holds the write lock: the call waits, and goes on when it is free.
    @Test func waitsForAnotherWriter() async throws {
        let folder = try TemporaryFolder()
        let one = try Database(path: folder.path + "/db")
        let two = try Database(path: folder.path + "/db")
        try one.migrate(component: "test", steps: ["CREATE TABLE t (a)"])
        async let slow: Void = Task.detached {
            try one.transaction { transaction in
                try transaction.run("INSERT INTO t VALUES (1)")
                usleep(300_000)
            }
        }.value
        usleep(50_000)
        try two.execute("INSERT INTO t VALUES (2)")
        try await slow
        #expect(try two.read("SELECT a FROM t ORDER BY a") { $0.integer(0) } == [1, 2])
    }

    @Test func manyThreads() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.path + "/db")
        try database.migrate(component: "test", steps: ["CREATE TABLE t (a INTEGER PRIMARY KEY)"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in 0..<8 {
                group.addTask {
                    for index in 0..<25 {
                        try database.execute("INSERT INTO t VALUES (?)", .integer(Int64(start * 100 + index)))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try database.read("SELECT count(*) FROM t") { $0.integer(0) } == [200])
    }

    @Test func closedMeansClosed() throws {
        let database = try Database(path: ":memory:")
        database.close()
        #expect(throws: SQLiteError.self) { try database.execute("SELECT 1") }
    }

    /// What a killed writer had not committed is gone, the rest is there: the log beside the file is replayed.
    @Test func recoversFromTheLog() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.path + "/db")
        try database.migrate(component: "test", steps: ["CREATE TABLE t (a)"])
        try database.execute("INSERT INTO t VALUES (1)")
        // The files as a power cut would leave them, while the writer is in the middle of a transaction.
        let copy = try TemporaryFolder()
        try database.transaction { transaction in
            try transaction.run("INSERT INTO t VALUES (2)")
            for name in ["db", "db-wal"] { try copyFile(folder.path + "/" + name, copy.path + "/" + name) }
        }
        let recovered = try Database(path: copy.path + "/db")
        #expect(try recovered.read("SELECT a FROM t") { $0.integer(0) } == [1])
    }

    private func copyFile(_ source: String, _ target: String) throws {
        let input = try #require(fopen(source, "r"))
        let output = try #require(fopen(target, "w"))
        var byte = fgetc(input)
        while byte != EOF {
            fputc(byte, output)
            byte = fgetc(input)
        }
        fclose(input)
        fclose(output)
    }
}
