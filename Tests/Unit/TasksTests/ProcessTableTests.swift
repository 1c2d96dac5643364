// SPDX-License-Identifier: Apache-2.0
// The table of `docker top`, and statistics of a cgroup.
import Glibc
import Primitives
import Testing

@testable import Tasks

@Suite struct ProcessTableTests {
    @Test(arguments: ["", "-ef", "aux", "-o pid,cmd"])
    func findsThisProcess(_ arguments: String) async throws {
        let table = try await ProcessTable.read(pids: [getpid()], arguments: arguments)
        let column = try #require(table.titles.firstIndex(of: "PID"))
        #expect(table.processes.map { $0[column] } == [String(getpid())])
        #expect(table.processes.allSatisfy { $0.count == table.titles.count })
    }

    @Test func parse() throws {
        let table = try ProcessTable.parse("  PID TTY CMD\n 1 ?   init\n 22 ?  sh -c  x y \n", pids: [22])
        #expect(table == ProcessTable(titles: ["PID", "TTY", "CMD"], processes: [["22", "?", "sh -c  x y"]]))
        #expect(throws: EngineError.self) { try ProcessTable.parse("TTY CMD\n", pids: [1]) }
    }

    @Test func gonePidsAreLeftOut() async throws {
        #expect(try await ProcessTable.read(pids: [Int32.max], arguments: "").processes.isEmpty)
    }
}
