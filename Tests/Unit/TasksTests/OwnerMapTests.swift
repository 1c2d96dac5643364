// SPDX-License-Identifier: Apache-2.0
// bind-idmap: what is read, what is refused, and what the kernel is told.
import OCI
import Primitives
import Testing

@testable import Tasks

struct OwnerMapTests {
    private func lines(_ mappings: [RuntimeSpec.IDMapping]) -> [[UInt32]] {
        mappings.map { [$0.containerID, $0.hostID, $0.size] }
    }

    @Test func withoutUsersOfItsOwnTheContainersIdsAreTheHosts() throws {
        let found = try OwnerMap("uids=0-1000-1#5-6-2").mappings(nil)
        #expect(lines(found.users) == [[0, 1000, 1], [5, 6, 2]])
        #expect(lines(found.groups) == [[0, 0, .max]])
    }

    @Test func aMappedContainersIdsAreTranslated() throws {
        let container = UserMapping(
            users: [.init(container: 0, host: 100_000, size: 10), .init(container: 10, host: 200_000, size: 10)],
            groups: [.init(container: 0, host: 300_000, size: 20)])
        let found = try OwnerMap("uids=500-8-4;gids=7-1-1").mappings(container)
        #expect(lines(found.users) == [[500, 100_008, 2], [502, 200_000, 2]])
        #expect(lines(found.groups) == [[7, 300_001, 1]])
        #expect(throws: EngineError.self) { try OwnerMap("uids=0-19-2").mappings(container) }
    }

    @Test(arguments: [
        "", "0-0-1", "uids=", "uids=0-0", "uids=0-0-0", "uids=a-0-1", "uids=-1-0-1", "uids=0-0-1;uids=0-0-1",
        "uids=0-0-4294967295#1-1-1", "uids=4294967295-0-1", "uids=0-4294967294-2", "uids=0-0-2#1-5-1",
        "uids=0-0-2#5-1-1",
        "gids=0-0-1;", "pids=0-0-1",
    ])
    func refused(_ text: String) {
        #expect(throws: EngineError.self) { try OwnerMap(text) }
    }
}
